"""A solver in a process of its own, so that one that hangs or dies takes nothing with it but its own solve.

The process starts with the first solve and stays for the next ones. Every better plan is sent up as HiGHS finds it: a solver that
is stopped at its limit leaves the last one. The limit is a safety net in wall-clock seconds; a solve that ends by its gap or by
its nodes never meets it, and its answer is the same as without a guard.
"""

import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from threading import Thread, Timer
from time import monotonic
from types import TracebackType
from typing import Any, Self

import numpy as np

from city.problems import PenstockError, Problem, fault
from city.processes import die_with
from optimisation import solve
from optimisation.arrays import Arrays, Floats
from optimisation.conflict import Conflict, Fact, conflicts
from optimisation.solve import MAX_NODES, REL_GAP, Solution

LIMIT_S = 900.0
PRICES_S = 60.0  # least time that the shadow prices of a plan left behind may take [s]


class Stopped(Exception):
    """The process reached its limit or died; `said` tells which, as the start of a sentence."""

    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.said = said


class Guarded:
    """Solves one problem at a time in a child process. Call it where `solve.solved` is called; leave it by `with` or `close`."""

    def __init__(self, limit_s: float = LIMIT_S) -> None:
        if not limit_s > 0:
            raise fault("solver limit", f"{limit_s:g} s", "above 0 s", "Correct the limit.")
        self.limit_s = limit_s
        self._child: tuple[BaseProcess, Connection] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the process; the next solve starts a new one."""
        if self._child is not None:
            process, pipe = self._child
            self._child = None
            process.kill()
            process.join()
            pipe.close()

    def __call__(self, arrays: Arrays, rel_gap: float = REL_GAP, max_nodes: int = MAX_NODES, start: Floats | None = None) -> Solution:
        """As `solve.solved`. Stopped with a plan in hand: that one, `ended` "limit", its gap from the last bound, and a note.

        Raises `PenstockError` when the process is stopped or dies without any plan.
        """
        seen: list[tuple[Floats | None, float]] = []
        try:
            return self._ask(solve.solved, self.limit_s, (arrays, rel_gap, max_nodes, start), seen)
        except Stopped as stopped:
            plans = [x for x, _ in seen if x is not None]
            if not plans:
                remedy = "Raise the limit, or plan fewer steps or assets."
                raise fault("optimisation", f"{stopped.said} and had found no plan", "a plan", remedy) from None
            return self._left(arrays, plans[-1], max(bound for _, bound in seen), stopped.said)

    def conflicts(self, arrays: Arrays, told: Sequence[Fact]) -> list[Conflict] | None:
        """As `conflict.conflicts`; None when it was stopped or died before it knew."""
        try:
            return self._ask(conflicts, self.limit_s, (arrays, told), [])
        except Stopped:
            return None

    def _left(self, arrays: Arrays, x: Floats, bound: float, said: str) -> Solution:
        """The last plan found, with its prices where they can still be had."""
        try:
            answer = self._ask(solve.priced, max(PRICES_S, self.limit_s / 10), (arrays, x), [])
            notes: tuple[str, ...] = ()
        except Stopped:
            none = np.zeros(0)
            answer = Solution("limit", float(arrays.cost @ x) + arrays.offset, 0.0, x, none, none, 0, 0)
            notes = ("The marginal prices of this plan could not be found.",)
        less = max(answer.objective - bound, 0.0)
        gap = less / max(abs(answer.objective), 1e-9) if np.isfinite(less) else np.inf
        far = f"the cheapest costs at most {less:,.6g} less" if np.isfinite(less) else "how far it is from the cheapest is not known"
        return replace(answer, ended="limit", gap=gap, notes=(f"{said}; this is the last plan it had found, and {far}.", *notes))

    def _ask(self, work: Callable[..., Any], limit_s: float, given: tuple[Any, ...], seen: list[Any]) -> Any:
        """Let the child do `work(*given)`; better plans on the way go to `seen`. Raises `Stopped` and the child's `PenstockError`."""
        if self._child is None or not self._child[0].is_alive():
            self.close()
            self._child = _born()
        process, pipe = self._child
        ends, watch = monotonic() + limit_s, Timer(limit_s, process.kill)
        watch.daemon = True
        watch.start()
        done = False
        try:
            pipe.send((work, given))
            while (reply := pipe.recv())[0] == "seen":
                seen.append(reply[1])
            done = True
            if reply[0] == "fault":
                raise PenstockError(reply[1])
            return reply[1]
        except (EOFError, OSError):
            process.join()
            late = monotonic() >= ends
            said = f"The solver was stopped after {limit_s:g} s" if late else f"The solver's process died (exit code {process.exitcode})"
            raise Stopped(said) from None
        finally:
            watch.cancel()
            # left in the middle, e.g. by an interrupt: its answer would be taken for that to the next question
            if not done or monotonic() >= ends or not process.is_alive():
                self.close()


def _born() -> tuple[BaseProcess, Connection]:
    """A new child, and our end of the pipe to it."""
    context = get_context("spawn")
    ours, its = context.Pipe()
    process = context.Process(target=_serve, args=(its,), daemon=True, name="penstock-solver")
    process.start()
    its.close()
    return process, ours


def _serve(pipe: Connection) -> None:
    """The child: does what comes down the pipe, one piece of work after the other, until its parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt ends
    die_with(os.getppid())  # at once, also where a hanging solver keeps the thread below from running
    Thread(target=_leave_with_parent, daemon=True).start()
    while True:
        try:
            work, given = pipe.recv()
        except EOFError:
            return
        try:
            seen = (lambda *plan: pipe.send(("seen", plan))) if work is solve.solved else None
            pipe.send(("answer", work(*given) if seen is None else work(*given, seen=seen)))
        except PenstockError as error:
            pipe.send(("fault", error.problems))
        except MemoryError:
            pipe.send(("fault", Problem("optimisation", "no memory left", "room for the model", "Plan fewer steps or assets at once.")))


def _leave_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
