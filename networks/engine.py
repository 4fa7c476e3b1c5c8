"""One EPANET project in this process: numbers in, one hydraulic solve, numbers out.

Everything is in m3/h, m and kW because the project is always opened from a file written in EPANET's CMH units. A solve costs
0.2-0.4 ms for a thousand pipes, where a run through files costs 60 ms; so time series, sensitivities and proofs all go through here.

References: Rossman, L. et al. (2020). EPANET 2.2 User Manual, EPA/600/R-20/133, Appendix A (the toolkit's codes).
"""

import ctypes
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import wntr
from numpy.typing import NDArray
from wntr.epanet.toolkit import ENepanet

from city.problems import fault

EMITTER, DEMAND, PRESSURE, TANK_LEVEL, BASE_DEMAND = 3, 9, 11, 8, 1  # node codes
DIAMETER, FLOW, STATUS, ENERGY = 0, 8, 11, 13  # link codes
BARRED_MM = 0.1  # diameter of a check valve that is shut, which takes no status in EPANET: 0.001 m3/h at 30 m
_INITIAL_QUALITY, _QUALITY, _AGE = 4, 12, 2
_DURATION, _HYDRAULIC_STEP, _PATTERN_STEP, _PATTERN_START, _REPORT_STEP = 0, 1, 3, 4, 5
_PDA = 1
_ACCURACY, _DEMAND_MULTIPLIER, _DAMP_LIMIT = 1, 4, 17  # option codes
_MAX_FLOW_CHANGE = 3  # statistic code
_FIRST_ERROR = 100  # EPANET: below are warnings (1 unbalanced, 2 unstable, 3 disconnected, 4 pumps, 5 valves, 6 negative pressure)


class Engine:
    """An open EPANET project; use it in a `with` block. Not shareable between threads."""

    def __init__(self, model: wntr.network.WaterNetworkModel, name: str = "network") -> None:
        self.name = name
        self._folder = tempfile.TemporaryDirectory(prefix="penstock-epanet-")
        folder = Path(self._folder.name)
        inp = folder / "network.inp"
        wntr.network.write_inpfile(model, str(inp), units="CMH", version=2.2)
        self._api = ENepanet(version=2.2)
        self._api.ENopen(str(inp), str(folder / "network.rpt"), str(folder / "network.bin"))
        self._lib: Any = self._api.ENlib
        self._project = self._api._project
        self._value = ctypes.c_double()

    def __enter__(self) -> "Engine":
        self._check(self._lib.EN_openH(self._project), "opening the hydraulic solver")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._lib.EN_closeH(self._project)
        self._api.ENclose()
        self._folder.cleanup()

    def _check(self, code: int, doing: str) -> int:
        """Return a warning's code; raise for an error."""
        if code >= _FIRST_ERROR:
            text = wntr.epanet.exceptions.EN_ERROR_CODES.get(code, "unknown error")
            raise fault(
                f"network {self.name}", f"EPANET error {code} ({text}) while {doing}", "a network EPANET solves", "Correct the INP."
            )
        return code

    def node_index(self, ids: Iterable[str]) -> list[int]:
        """EPANET's index of each node id."""
        return [self._api.ENgetnodeindex(name) for name in ids]

    def link_index(self, ids: Iterable[str]) -> list[int]:
        """EPANET's index of each link id."""
        return [self._api.ENgetlinkindex(name) for name in ids]

    def nodes(self, indices: Sequence[int], code: int) -> NDArray[np.float64]:
        """float64[n] of one property of the nodes, in the unit of the property."""
        get, project, value, ref = self._lib.EN_getnodevalue, self._project, self._value, ctypes.byref(self._value)
        out = np.empty(len(indices))
        for i, index in enumerate(indices):
            get(project, index, code, ref)
            out[i] = value.value
        return out

    def links(self, indices: Sequence[int], code: int) -> NDArray[np.float64]:
        """float64[n] of one property of the links, in the unit of the property."""
        get, project, value, ref = self._lib.EN_getlinkvalue, self._project, self._value, ctypes.byref(self._value)
        out = np.empty(len(indices))
        for i, index in enumerate(indices):
            get(project, index, code, ref)
            out[i] = value.value
        return out

    def set_nodes(self, indices: Sequence[int], code: int, values: Iterable[float]) -> None:
        """Write one property of the nodes."""
        put, project, c_double = self._lib.EN_setnodevalue, self._project, ctypes.c_double
        for index, value in zip(indices, values, strict=True):
            self._check(put(project, index, code, c_double(value)), "setting a node")

    def set_links(self, indices: Sequence[int], code: int, values: Iterable[float]) -> None:
        """Write one property of the links."""
        put, project, c_double = self._lib.EN_setlinkvalue, self._project, ctypes.c_double
        for index, value in zip(indices, values, strict=True):
            self._check(put(project, index, code, c_double(value)), "setting a link")

    def pressure_driven(self, minimum_m: float, required_m: float) -> None:
        """Let demand fall with pressure: none at `minimum_m`, all of it from `required_m` (square root between) [m]."""
        one = ctypes.c_double
        code = self._lib.EN_setdemandmodel(self._project, _PDA, one(minimum_m), one(required_m), one(0.5))
        self._check(code, "choosing pressure-driven demand")

    def demand_multiplier(self, factor: float) -> None:
        """Multiply every demand, emitters excepted."""
        self._check(self._lib.EN_setoption(self._project, _DEMAND_MULTIPLIER, ctypes.c_double(factor)), "scaling demand")

    def accuracy(self, relative: float, damping: float = 0.0) -> None:
        """The sum of flow changes over the sum of flows at which a solve ends [1], and from which on its steps are damped (0: never)."""
        for code, value in ((_ACCURACY, relative), (_DAMP_LIMIT, damping)):
            self._check(self._lib.EN_setoption(self._project, code, ctypes.c_double(value)), "setting the accuracy")

    def flow_change(self) -> float:
        """The largest change of a flow in the last trial of the last solve [m3/h]."""
        self._check(self._lib.EN_getstatistic(self._project, _MAX_FLOW_CHANGE, ctypes.byref(self._value)), "reading how it ended")
        return self._value.value

    def times(
        self, duration_s: int, step_s: int, pattern_step_s: int | None = None, pattern_start_s: int = 0, report_step_s: int | None = None
    ) -> None:
        """Length of the run and of its steps, and where on the patterns it begins; EPANET solves at every report too [s]."""
        for code, seconds in (
            (_DURATION, duration_s),
            (_HYDRAULIC_STEP, step_s),
            (_REPORT_STEP, report_step_s or step_s),
            (_PATTERN_STEP, pattern_step_s or step_s),
            (_PATTERN_START, pattern_start_s),
        ):
            self._check(self._lib.EN_settimeparam(self._project, code, seconds), "setting times")

    def pattern_index(self, name: str) -> int:
        """EPANET's index of a time pattern."""
        index = ctypes.c_int()
        self._check(self._lib.EN_getpatternindex(self._project, name.encode(), ctypes.byref(index)), f"finding pattern {name}")
        return index.value

    def set_pattern(self, index: int, values: NDArray[np.float64]) -> None:
        """Write all multipliers of a time pattern, float64[its length]."""
        pointer = np.ascontiguousarray(values, dtype=float).ctypes.data_as(ctypes.POINTER(ctypes.c_double))
        self._check(self._lib.EN_setpattern(self._project, index, pointer, len(values)), "setting a pattern")

    def start(self) -> None:
        """Begin a run at time zero with freshly estimated flows."""
        self._check(self._lib.EN_initH(self._project, 10), "starting the run")

    def age(self, nodes: Sequence[int], start_h: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Water age over the run as it is set up: of the nodes at its end and at its worst, float[n] each, from ages at its start [h]."""
        lib, project, passed = self._lib, self._project, ctypes.c_long(1)
        self._check(lib.EN_setqualtype(project, _AGE, b"", b"", b""), "choosing water age")
        self.set_nodes(nodes, _INITIAL_QUALITY, start_h)
        self._check(lib.EN_closeH(project), "handing over to the quality solver")  # it wants a run that EPANET made whole
        self._check(lib.EN_solveH(project), "solving the run")
        self._check(lib.EN_openQ(project), "opening the quality solver")
        self._check(lib.EN_initQ(project, 0), "starting the quality run")
        worst = start_h.copy()
        while passed.value > 0:
            self._check(lib.EN_runQ(project, ctypes.byref(ctypes.c_long())), "solving water age")
            worst = np.maximum(worst, self.nodes(nodes, _QUALITY))
            self._check(lib.EN_nextQ(project, ctypes.byref(passed)), "moving water")
        end = self.nodes(nodes, _QUALITY)
        self._check(lib.EN_closeQ(project), "closing the quality solver")
        self._check(lib.EN_openH(project), "opening the hydraulic solver")
        return end, np.maximum(worst, end)

    def solve(self) -> int:
        """Solve the present moment; returns EPANET's warning code, 0 when there is none."""
        now = ctypes.c_long()
        return self._check(self._lib.EN_runH(self._project, ctypes.byref(now)), f"solving at {now.value} s")

    def advance(self) -> int:
        """Move to the next moment (tanks fill and drain); returns the seconds passed, 0 at the end."""
        passed = ctypes.c_long()
        self._check(self._lib.EN_nextH(self._project, ctypes.byref(passed)), "stepping in time")
        return passed.value
