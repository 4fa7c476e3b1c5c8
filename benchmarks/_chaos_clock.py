"""Faults of the clock: the machine's time is set forward or back by days, by a library that every process loads first."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks._chaos_judge import NotHere, Verdict
from benchmarks._chaos_process import Server
from benchmarks._chaos_script import Doer, script
from benchmarks.chaos import Site
from city.problems import Problem

DAYS_S = 2 * 86_400
# The time of day as every program asks for it, plus what a file says; the clock that only counts (CLOCK_MONOTONIC) goes on as it does
# when the time of a real machine is set.
SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
static volatile long long *ahead;
static int (*real)(clockid_t, struct timespec *);
__attribute__((constructor)) static void begin(void) {
    int file = open(getenv("PENSTOCK_CHAOS_CLOCK"), O_RDONLY);
    real = dlsym(RTLD_NEXT, "clock_gettime");
    if (file >= 0) ahead = mmap(0, sizeof *ahead, PROT_READ, MAP_SHARED, file, 0);
}
int clock_gettime(clockid_t which, struct timespec *at) {
    int told = real(which, at);
    if (ahead && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) at->tv_sec += *ahead;
    return told;
}
int gettimeofday(struct timeval *at, void *zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}
time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}
"""


@contextmanager
def _settable(made: Site) -> Iterator[tuple[Server, Path]]:
    """Commands whose clock is what a file says ahead [s, int64]. Raises `PenstockError` where there is no C compiler."""
    folder = made.home.parent / "clock"
    folder.mkdir(exist_ok=True)
    (folder / "clock.c").write_text(SOURCE)
    words = ["gcc", "-shared", "-fPIC", "-O1", "-o", str(folder / "clock.so"), str(folder / "clock.c"), "-ldl"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    except FileNotFoundError:
        raise NotHere(Problem("gcc", "not found", "a C compiler", "Install gcc.")) from None
    if done.returncode:
        raise NotHere(Problem("gcc", done.stderr[:200], "a library", "Install gcc and the headers of libc."))
    ahead = folder / "ahead"
    ahead.write_bytes((0).to_bytes(8, "little"))
    given = {"LD_PRELOAD": str(folder / "clock.so"), "PENSTOCK_CHAOS_CLOCK": str(ahead)}
    os.environ.update(given)
    try:
        with Server() as server:
            yield server, ahead
    finally:
        for name in given:
            del os.environ[name]


def _set(made: Site, seconds: int, name: str) -> Verdict:
    """The clock is set before every second command, and set right before the one after it."""
    with _settable(made) as (server, ahead):
        city = made.city()
        doer = Doer(server, city)
        for number, step in enumerate(script(city)):
            ahead.write_bytes((seconds * (number % 2)).to_bytes(8, "little", signed=True))
            doer.do(step)
        return made.judged(city, name)


def clock_set_forward(made: Site) -> Verdict:
    """Two days ahead for every second command: nothing of what is stored hangs on the machine's clock."""
    return _set(made, DAYS_S, "clock-set-forward")


def clock_set_back(made: Site) -> Verdict:
    """Two days behind for every second command."""
    return _set(made, -DAYS_S, "clock-set-back")


FAULTS = (clock_set_forward, clock_set_back)
