"""Noise in whole numbers: the discrete Laplace distribution, drawn exactly from a cryptographic source.

    P(Z = z) = (1 - p) / (1 + p) x p^|z|,  p = exp(-epsilon / sensitivity)

No float takes part: noise from floats leaks in its low bits (I. Mironov, On significance of the least significant bits for differential
privacy, CCS 2012). Method: C. Canonne, G. Kamath, T. Steinke, The discrete Gaussian for differential privacy, NeurIPS 2020,
algorithms 1 and 2.
"""

import secrets
from collections.abc import Callable
from fractions import Fraction

Below = Callable[[int], int]  # a uniform whole number from 0 to one below the argument


def discrete_laplace(scale: Fraction, below: Below = secrets.randbelow) -> int:
    """A whole number with P(z) in proportion to exp(-|z| / scale). `scale` [same unit as the sum] > 0 is sensitivity / epsilon."""
    over, under = scale.numerator, scale.denominator
    while True:
        part = below(over)
        if not _happens(Fraction(part, over), below):
            continue
        whole = 0
        while _happens(Fraction(1), below):
            whole += 1
        size = (part + over * whole) // under
        negative = below(2) == 1
        if not (negative and size == 0):  # else zero would come twice as often
            return -size if negative else size


def _happens(gamma: Fraction, below: Below) -> bool:
    """True with probability exp(-gamma), exactly, for 0 <= gamma <= 1: the first K with no success at gamma / K is odd."""
    tries = 1
    while below(gamma.denominator * tries) < gamma.numerator:
        tries += 1
    return tries % 2 == 1
