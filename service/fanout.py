"""One loop, three sizes: a plain loop, processes of this machine, or a Dask scheduler somewhere else - with the same code."""

from collections.abc import Callable, Sequence
from typing import TypeVar

Key = TypeVar("Key")
Answer = TypeVar("Answer")


def fanout(work: Callable[[Key], Answer], keys: Sequence[Key], workers: int | str = 1) -> list[Answer]:
    """`[work(key) for key in keys]`, in that order.

    `workers` is 1 for a plain loop, a number for that many processes (Dask LocalCluster), or the address of a Dask
    scheduler. `work` must be importable and take keys, not data: each process opens the store itself.
    """
    if workers == 1 or len(keys) <= 1:
        return [work(key) for key in keys]
    from dask.distributed import Client, LocalCluster

    if isinstance(workers, str):
        with Client(workers) as client:
            return client.gather(client.map(work, keys, pure=False))
    cluster = LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1")
    with cluster, Client(cluster) as client:
        return client.gather(client.map(work, keys, pure=False))
