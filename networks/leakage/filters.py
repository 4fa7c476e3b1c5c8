"""Matched filters: how well a leak at each pipe explains what is left over, in standard deviations.

With residual r, pattern s_p per m3/h and covariance C, whitened by a root W of C^-1 (W C W' = 1):
size_p = s'C^-1 r / s'C^-1 s and sigma_p = s'C^-1 r / sqrt(s'C^-1 s), which is standard normal when nothing leaks (generalised
likelihood ratio: sigma_p^2 / 2 is what the log-likelihood gains).

References: Kay, S. (1998). Fundamentals of Statistical Signal Processing II: Detection Theory, ch. 4 and 6.
"""

from dataclasses import dataclass

import numpy as np

from networks.leakage.scada import Floats


@dataclass(frozen=True)
class Filters:
    """`root` float[c, c], `pattern` float[pipes, c] whitened, `power` float[pipes] = s'C^-1 s."""

    root: Floats
    pattern: Floats
    power: Floats

    @classmethod
    def of(cls, covariance: Floats, pattern: Floats) -> "Filters":
        root = np.linalg.inv(np.linalg.cholesky(covariance))
        white = pattern @ root.T
        return cls(root, white, np.maximum((white**2).sum(axis=1), 1e-12))

    def sizes(self, residual: Floats) -> Floats:
        """float[..., pipes]: best size at each pipe [m3/h]."""
        return np.asarray((residual @ self.root.T) @ self.pattern.T / self.power)

    def sigmas(self, residual: Floats) -> Floats:
        """float[..., pipes]: evidence for a leak at each pipe, negative for less water than expected [standard deviations]."""
        return np.asarray((residual @ self.root.T) @ self.pattern.T / np.sqrt(self.power))

    def likeness(self, pipe: int, others: list[int]) -> Floats:
        """float[others]: correlation of the pipe's pattern with theirs."""
        return np.asarray(self.pattern[others] @ self.pattern[pipe] / np.sqrt(self.power[others] * self.power[pipe]))
