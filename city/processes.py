"""Processes that leave nothing running behind."""

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1  # prctl(2)


def die_with(parent: int) -> None:
    """Let the kernel kill this process with SIGKILL as soon as the process `parent`, which started it, is gone - however it went.

    A thread that waits for the parent would not do: a solver may hold the interpreter for as long as it runs. The signal comes when the
    *thread* that started this process ends, so start it from one that stays. Without Linux nothing happens.
    """
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    except (OSError, AttributeError):
        return
    if os.getppid() != parent:  # it went before the kernel was asked
        os._exit(1)
