"""Words to values for all devices of one model at once. `registers.decode` is the same code for one value.

A number is read in three steps, each for a whole array: the bits in order (`formats.joined`), the count they mean
(`formats.numbers`), and the value: counts x scale x 10^exponent + offset, in the unit of the quantity.

References: SunSpec Device Information Model Specification 1.1 (scale factors from -10 to 10, "not implemented").
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from city import quality as q
from city.quality import Cause, Flag
from meters.maps import formats
from meters.maps.model import DeviceModel
from meters.maps.register import Register

_LARGEST_EXPONENT = 10
_TEN = 10.0 ** np.arange(_LARGEST_EXPONENT + 1)
_QUESTIONABLE = np.uint16(q.questionable(Cause.OUT_OF_MAP))

Floats = NDArray[np.float64]
Codes = NDArray[np.uint8]


@dataclass(frozen=True)
class _Group:
    """k registers of one format and byte order: `columns` int[k, w] of their words, most significant first; `at` int[k], their places."""

    kind: str
    swapped: bool
    at: NDArray[np.intp]
    columns: NDArray[np.intp]
    shift: NDArray[np.uint64] | None  # [k] of bit fields
    mask: NDArray[np.uint64] | None  # [k]
    sentinels: NDArray[np.uint64]  # [k, m]
    has_sentinel: NDArray[np.bool_]  # [k, m]


class Layout:
    """How the words of a model's points lie side by side in an image, and what they mean.

    `registers` must be read: the points, then the helpers (scale factors, and registers that must hold what is expected). `columns`
    says where the words of each lie in the image, `width` how many there are.
    """

    def __init__(self, model: DeviceModel) -> None:
        helpers = {register.scale_factor for register in model.points}
        extra = tuple(r for r in model.registers if r.quantity is None and (r.name in helpers or r.expect is not None))
        self._prepare(model.points, extra)

    @classmethod
    @lru_cache(maxsize=4096)
    def of(cls, register: Register) -> "Layout":
        """The layout of one register alone."""
        made = cls.__new__(cls)
        made._prepare((register,), ())
        return made

    def _prepare(self, points: tuple[Register, ...], helpers: tuple[Register, ...]) -> None:
        self.points, self.registers = points, points + helpers
        ends = np.cumsum([register.words for register in self.registers]).tolist()
        self.width: int = ends[-1] if ends else 0
        self.columns = {r.name: slice(end - r.words, end) for r, end in zip(self.registers, ends, strict=True)}
        at = {register.name: i for i, register in enumerate(self.registers)}
        self._scaled = np.array([i for i, r in enumerate(points) if r.scale_factor in at], dtype=np.intp)
        self._exponent_at = np.array([at[str(points[i].scale_factor)] for i in self._scaled], dtype=np.intp)
        formatted: dict[tuple[str, bool], list[Register]] = {}
        for register in self.registers:
            formatted.setdefault((register.type, register.byte_order == "little" and register.type != "bool"), []).append(register)
        self._groups = [self._group(kind, swapped, members, at) for (kind, swapped), members in formatted.items()]
        ratio = [register.conversion[0] for register in points]
        self._over = np.array([float(r.numerator) for r in ratio])
        self._under = np.array([float(r.denominator) for r in ratio])
        self._offset = np.array([float(register.conversion[1]) for register in points])
        self._low = np.array([-np.inf if r.minimum is None else r.minimum for r in points])
        self._high = np.array([np.inf if r.maximum is None else r.maximum for r in points])
        self._resolution = np.array([r.resolution or 0.0 for r in points])
        self._most = np.array([min(r.modulus or formats.EXACT, formats.EXACT) if r.is_integer else np.inf for r in points])
        self._stored = np.array([formats.EXACT / r.quantity.scale if r.quantity is not None else np.inf for r in points])
        self._expected = [(i, float(r.expect)) for i, r in enumerate(self.registers) if r.expect is not None]
        self._enums = [(i, np.array(list(r.enum), dtype=float)) for i, r in enumerate(points) if r.enum]

    def _group(self, kind: str, swapped: bool, members: list[Register], at: dict[str, int]) -> _Group:
        starts, words = [self.columns[r.name].start for r in members], members[0].words
        reverse = [r.word_order == "little" and kind in formats.NUMBERS for r in members]
        columns = [[s + (words - 1 - i if turned else i) for i in range(words)] for s, turned in zip(starts, reverse, strict=True)]
        most = max(len(r.not_implemented) for r in members)
        patterns = [[*r.not_implemented, *[0] * (most - len(r.not_implemented))] for r in members]
        fields = any(r.bit is not None for r in members)
        masks = [(1 << r.width) - 1 if r.bit is not None else (1 << formats.bits_of(kind)) - 1 for r in members] if fields else []
        return _Group(
            kind,
            swapped,
            np.array([at[r.name] for r in members], dtype=np.intp),
            np.array(columns, dtype=np.intp),
            np.array([r.bit or 0 for r in members], dtype=np.uint64) if fields else None,
            np.array(masks, dtype=np.uint64) if fields else None,
            np.array(patterns, dtype=np.uint64).reshape(len(members), most),
            np.array([[i < len(r.not_implemented) for i in range(most)] for r in members], dtype=bool).reshape(len(members), most),
        )

    def decode(self, image: NDArray[np.uint16], causes: Codes) -> tuple[Floats, NDArray[np.uint16]]:
        """Values and qualities of n devices.

        Parameters
        ----------
        image : uint16[n, width], the words as read
        causes : uint8[n, len(registers)], 0 where the register was read well, else the `Cause` why not

        Returns
        -------
        values : float64[n, p] [unit of the quantity], NaN where there is none; p counts the model's points in their order
        quality : uint16[n, p]. A value outside the map (range, resolution, enum), a count from its modulus or from 2^53 on, which a
            float64 cannot hold exactly, and a value that the store's integers cannot, is kept as read and questionable: it is evidence
            of a wrong map, swapped words or a broken device. Where a register does not hold what it is expected to, no value of that
            device is believed (WRONG_METER).
        """
        counts, found = self.counts(image)
        causes = np.where(causes == 0, found, causes)
        exponents = None
        if len(self._scaled):
            exponents = np.zeros((len(image), len(self.points)))
            exponents[:, self._scaled] = counts[:, self._exponent_at]
            read = causes[:, : len(self.points)]
            lacking = causes[:, self._exponent_at]
            read[:, self._scaled] = np.where(read[:, self._scaled] == 0, lacking, read[:, self._scaled])
        p = len(self.points)
        values, quality = self.valued(counts[:, :p], causes[:, :p], exponents)
        for i, expected in self._expected:
            doubt = np.where(causes[:, i] != 0, causes[:, i], np.uint8(Cause.WRONG_METER)).astype(np.uint16) << 8 | int(Flag.QUESTIONABLE)
            other = (causes[:, i] != 0) | (counts[:, i] != expected)
            quality = np.where(other[:, None] & (quality == q.VALID), doubt[:, None], quality)
        return values, quality

    def counts(self, image: NDArray[np.uint16]) -> tuple[Floats, Codes]:
        """The count in every register, float64[n, r], and the cause where there is none."""
        counts = np.empty((len(image), len(self.registers)))
        causes = np.empty(counts.shape, dtype=np.uint8)
        for group in self._groups:
            words = image[:, group.columns]
            words = words.byteswap() if group.swapped else words
            if group.kind in formats.CLOCKS:
                counts[:, group.at], causes[:, group.at] = formats.seconds(group.kind, words)
                continue
            bits = formats.joined(words)
            absent = ((bits[..., None] == group.sentinels) & group.has_sentinel).any(axis=-1)
            if group.shift is not None and group.mask is not None:
                bits = bits >> group.shift & group.mask
            made, cause = formats.numbers(group.kind, bits)
            counts[:, group.at] = made
            causes[:, group.at] = np.where(absent, np.uint8(Cause.NOT_IMPLEMENTED), cause)
        return counts, causes

    def valued(self, counts: Floats, causes: Codes, exponents: Floats | None) -> tuple[Floats, NDArray[np.uint16]]:
        """Counts [n, p] to values and qualities; `exponents` [n, p] of ten, NaN where the helper says "not implemented"."""
        over, under, causes = self._over, self._under, causes.copy()
        if exponents is not None:
            causes[(causes == 0) & np.isnan(exponents)] = Cause.NOT_IMPLEMENTED
            causes[(causes == 0) & (np.abs(exponents) > _LARGEST_EXPONENT)] = Cause.OUT_OF_MAP
            power = np.where(causes == 0, exponents, 0).astype(np.intp)
            over, under = over * _TEN[np.maximum(power, 0)], under * _TEN[np.maximum(-power, 0)]
        with np.errstate(over="ignore", invalid="ignore"):
            values = counts * over / under + self._offset
            causes[(causes == 0) & ~np.isfinite(values)] = Cause.OUT_OF_MAP
            size = np.abs(values)
            odd = (values < self._low) | (values > self._high) | ((size < self._resolution) & (values != 0))
            odd |= (np.abs(counts) >= self._most) | (size >= self._stored)
        for i, known in self._enums:
            odd[:, i] |= ~np.isin(counts[:, i], known)
        quality = np.where(odd, _QUESTIONABLE, np.uint16(q.VALID))
        gone = causes != 0
        return np.where(gone, np.nan, values), np.where(gone, causes.astype(np.uint16) << 8, quality)
