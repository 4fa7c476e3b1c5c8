"""The electric network: what its cables, transformers and switches are doing."""

from networks.grid.network import Network

__all__ = ["Network"]
