"""The words of all meters side by side, and the Readings frame made of them: one decode per model and slot, no loop over values."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from city import quality as q
from city.quality import Cause
from meters.maps.batch import Layout
from meters.maps.model import DeviceModel

_OVERRUN, _WRONG_METER = q.missing(Cause.OVERRUN), q.questionable(Cause.WRONG_METER)


@dataclass(frozen=True, slots=True)
class Row:
    """One meter's part of the image: uint16[width] words, uint8[registers] causes (0 read well), and its place among all meters."""

    words: NDArray[np.uint16]
    causes: NDArray[np.uint8]
    index: int


@dataclass(frozen=True, slots=True)
class _Part:
    """The meters of one model in a frame: their rows of the model's image, their places among all meters, and where their values go."""

    model: int
    rows: NDArray[np.intp]
    meters: NDArray[np.intp]
    cells: NDArray[np.intp]  # [n, p]


class Images:
    """What was read last of every meter, and when."""

    def __init__(self, models: Sequence[DeviceModel], names: Sequence[str], steps_s: Sequence[int]) -> None:
        """One entry per meter in each: its register map, its id, and how often it is read [s]."""
        number: dict[int, int] = {}  # by identity: comparing two maps costs more than reading a meter
        kinds: list[DeviceModel] = []
        self._model_of = np.empty(len(models), dtype=np.intp)
        for i, model in enumerate(models):
            if id(model) not in number:
                number[id(model)] = len(kinds)
                kinds.append(model)
            self._model_of[i] = number[id(model)]
        self.layouts = [Layout(model) for model in kinds]
        self._kinds, self._names, self._steps_s = kinds, list(names), np.array(steps_s, dtype=np.int64)
        self.received_us = np.zeros(len(models), dtype=np.int64)
        self.slot_us = np.full(len(models), -1, dtype=np.int64)
        self.wrong = np.zeros(len(models), dtype=np.bool_)  # it says another serial number than it should
        self._row_of = np.zeros(len(models), dtype=np.intp)
        self._words: list[NDArray[np.uint16]] = []
        self._causes: list[NDArray[np.uint8]] = []
        for i, layout in enumerate(self.layouts):
            own = np.flatnonzero(self._model_of == i)
            self._row_of[own] = np.arange(len(own))
            self._words.append(np.zeros((len(own), layout.width), dtype=np.uint16))
            self._causes.append(np.zeros((len(own), len(layout.registers)), dtype=np.uint8))
        self._columns = lru_cache(maxsize=32)(self._columns_of)

    def layout(self, meter: int) -> Layout:
        """The layout of that meter's model."""
        return self.layouts[self._model_of[meter]]

    def row(self, meter: int) -> Row:
        """Where that meter's words are to be put."""
        model, row = self._model_of[meter], self._row_of[meter]
        return Row(self._words[model][row], self._causes[model][row], meter)

    def readings(self, slot_utc: datetime, steps_s: tuple[int, ...], made_utc: datetime) -> pd.DataFrame:
        """The Readings at `slot_utc` of all meters that are read every `steps_s` [s], exactly one row per point.

        A meter whose words are of another slot is OVERRUN at `made_utc`: nothing of one slot is ever told as another's.
        """
        ids, quantities, parts = self._columns(steps_s)
        values, quality = np.empty(len(ids)), np.empty(len(ids), dtype=np.int64)
        received = np.empty(len(ids), dtype=np.int64)
        slot_us = microseconds(slot_utc)
        for part in parts:
            image, causes = self._words[part.model][part.rows], self._causes[part.model][part.rows]
            made, codes = self.layouts[part.model].decode(image, causes)
            elsewhere = self.slot_us[part.meters] != slot_us
            made[elsewhere], codes[elsewhere] = np.nan, _OVERRUN
            codes[self.wrong[part.meters][:, None] & ((codes & 0xFF) != 0)] = _WRONG_METER
            values[part.cells], quality[part.cells] = made, codes
            received[part.cells] = np.where(elsewhere, microseconds(made_utc), self.received_us[part.meters])[:, None]
        return pd.DataFrame(
            {
                "point_id": ids,
                "time_utc": _times(np.full(len(ids), slot_us)),
                "quantity": quantities,
                "value": values,
                "quality": quality,
                "received_at_utc": _times(received),
            },
            copy=False,
        )

    def _columns_of(self, steps_s: tuple[int, ...]) -> tuple[Any, Any, list[_Part]]:
        """What is the same in every slot of the same meters: names, quantities, and where each value goes."""
        meters = np.flatnonzero(np.isin(self._steps_s, steps_s))
        points = [self.layout(meter).points for meter in meters.tolist()]
        sizes = np.array([len(own) for own in points], dtype=np.intp)
        starts = np.cumsum(sizes) - sizes
        ids = [f"{self._names[meter]}.{register.name}" for meter, own in zip(meters.tolist(), points, strict=True) for register in own]
        quantities = [str(register.quantity) for own in points for register in own]
        parts = []
        for model in np.unique(self._model_of[meters]).tolist():
            own = np.flatnonzero(self._model_of[meters] == model)
            cells = starts[own][:, None] + np.arange(len(self.layouts[model].points))
            parts.append(_Part(model, self._row_of[meters[own]], meters[own], cells))
        return pd.array(ids, dtype="str"), pd.array(quantities, dtype="str"), parts


def microseconds(time_utc: datetime) -> int:
    """Microseconds since 1970, exactly."""
    return int(time_utc.timestamp()) * 1_000_000 + time_utc.microsecond


def _times(since_1970: NDArray[np.int64]) -> Any:
    return pd.DatetimeIndex(since_1970.view("M8[us]")).tz_localize("UTC")
