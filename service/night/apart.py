"""Work in a process of its own, ended with all that it started when its time is up.

The process is forked: it begins with what is imported already and without a copy of the data. It has a session of its own, so that its
group is whatever it starts; it dies with its parent, however that goes. The one who forks must have no connection of the store open.
"""

import contextlib
import gc
import os
import pickle
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from city.processes import die_with

GRACE_S = 2.0  # between SIGTERM and SIGKILL; a process that is stopped or hangs in a library hears the second only
LOOK_S = 0.5  # how often `meanwhile` is called


@dataclass(frozen=True)
class Ended:
    """What came of it: `answer` of work that ended by itself, else `how` it ended, as the end of a sentence."""

    answer: Any = None
    how: str = ""
    cpu_s: float = 0.0  # of the process and all it waited for
    peak_mb: float = 0.0  # of the largest one of them


def apart(work: Callable[[], Any], limit_s: float, meanwhile: Callable[[], None] = lambda: None) -> Ended:
    """Do `work` in a forked process and return what it returns, which must be picklable.

    `meanwhile` is called in this process about twice a second; what it raises ends the work and is raised here.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    here = os.getpid()
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        _child(work, theirs, here)
    os.close(theirs)
    os.set_blocking(ours, False)
    how, reply = "", bytearray()
    try:
        how = _watched(pid, ours, reply, limit_s, meanwhile)
    finally:
        code, usage = _ended(pid)
        reply += _read(ours)
        os.close(ours)
    took = {"cpu_s": usage.ru_utime + usage.ru_stime, "peak_mb": usage.ru_maxrss / 1024}
    if how:
        return Ended(how=how, **took)
    if code != 0:
        return Ended(how=f"its process was killed by signal {-code}" if code < 0 else f"its process ended with code {code}", **took)
    return Ended(pickle.loads(bytes(reply)), **took)  # noqa: S301 - from our own child


def _watched(pid: int, ours: int, reply: bytearray, limit_s: float, meanwhile: Callable[[], None]) -> str:
    """Wait until the child is over, reading what it says; how it was ended where its time was up, else empty."""
    until = time.monotonic() + limit_s
    poll, ending = select.poll(), os.pidfd_open(pid)
    poll.register(ending, select.POLLIN)
    poll.register(ours, select.POLLIN)
    try:
        while (left := until - time.monotonic()) > 0:
            ready = {fd for fd, _ in poll.poll(max(min(left, LOOK_S), 0.01) * 1000)}
            if ours in ready:
                part = _read(ours)
                reply += part
                if not part:
                    poll.unregister(ours)
            if ending in ready:
                return ""
            meanwhile()
        return f"it was ended after {_span(limit_s)}, its deadline"
    finally:
        os.close(ending)


def _ended(pid: int) -> tuple[int, Any]:
    """End the child's whole group, asking first while it lives, and reap it. Its exit code (minus the signal) and its rusage."""
    if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        for name, wait_s in ((signal.SIGTERM, GRACE_S), (signal.SIGKILL, 0.0)):
            for end in (lambda: os.killpg(pid, name), lambda: os.kill(pid, name)):  # it may not lead its group yet  # noqa: B023
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    end()
            until = time.monotonic() + wait_s
            while time.monotonic() < until and os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
                time.sleep(0.02)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    # Its number is not given away before it is reaped: what is left of its group is still its own.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    _, status, usage = os.wait4(pid, 0)
    return os.waitstatus_to_exitcode(status), usage


def _read(ours: int) -> bytes:
    found = bytearray()
    with contextlib.suppress(BlockingIOError):
        while part := os.read(ours, 1 << 16):
            found += part
    return bytes(found)


def _child(work: Callable[[], Any], theirs: int, parent: int) -> NoReturn:
    code = 1
    try:
        os.setsid()
        die_with(parent)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        gc.freeze()  # what the parent holds is its own: nothing of it is finalised here
        reply = memoryview(pickle.dumps(work()))
        while reply:
            reply = reply[os.write(theirs, reply) :]
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _span(seconds: float) -> str:
    return f"{seconds / 60:g} min" if seconds >= 60 else f"{seconds:g} s"
