"""A long-running process that is told to end finishes what it is at: SIGTERM and Ctrl-C set a flag instead of cutting it off."""

import signal
import threading


def told_to_end() -> threading.Event:
    """An event that SIGTERM or SIGINT sets; the second one ends the process at once. Nothing sets it outside of the main thread."""
    told = threading.Event()

    def tell(number: int, _frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        told.set()

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, tell)
    return told
