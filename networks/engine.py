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
FLOW, STATUS, ENERGY = 8, 11, 13  # link codes
_DURATION, _HYDRAULIC_STEP, _REPORT_STEP, _PATTERN_STEP = 0, 1, 5, 3
_PDA = 1
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

    def times(self, duration_s: int, step_s: int) -> None:
        """Length of the run and of its steps [s]."""
        for code, seconds in ((_DURATION, duration_s), (_HYDRAULIC_STEP, step_s), (_REPORT_STEP, step_s), (_PATTERN_STEP, step_s)):
            self._api.ENsettimeparam(code, seconds)

    def start(self) -> None:
        """Begin a run at time zero with freshly estimated flows."""
        self._check(self._lib.EN_initH(self._project, 10), "starting the run")

    def solve(self) -> int:
        """Solve the present moment; returns EPANET's warning code, 0 when there is none."""
        now = ctypes.c_long()
        return self._check(self._lib.EN_runH(self._project, ctypes.byref(now)), f"solving at {now.value} s")

    def advance(self) -> int:
        """Move to the next moment (tanks fill and drain); returns the seconds passed, 0 at the end."""
        passed = ctypes.c_long()
        self._check(self._lib.EN_nextH(self._project, ctypes.byref(passed)), "stepping in time")
        return passed.value
