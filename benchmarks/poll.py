"""Reading registers: CPU-seconds of our two engines against libmodbus' own C client; requests per map against the fewest possible."""

import argparse
import asyncio
import os
import random
import resource
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

import numpy as np
from scipy.optimize import LinearConstraint, milp

from benchmarks._libmodbus import compiled, server
from city.problems import fault
from meters.links.link import Link, LinkConfig
from meters.polling.planner import Reach, Span, coalesce

SUMMARY = "Modbus: registers per CPU-second against libmodbus' C client, requests per map against the optimum"
CONNECTIONS, COUNT = 100, 125
Engine = Literal["strict", "pymodbus"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--repeats", type=int, default=9, help="how often each client is measured, in turn")
    parser.add_argument("--rounds", type=int, default=100, help="requests per connection in each measurement")
    parser.add_argument("--maps", type=int, default=300, help="random register maps for the coalescing")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Client and server on two cores, as a device is on another machine; and on one core, where waiting costs a client little."""
    repeats, rounds, maps = (2, 3, 20) if args.quick else (args.repeats, args.rounds, args.maps)
    cores = sorted(os.sched_getaffinity(0))
    try:
        apart = _measured(cores[0], cores[-1], repeats, rounds)
        together = _measured(cores[0], cores[0], repeats, rounds)
    finally:
        os.sched_setaffinity(0, cores)
    return {
        "connections": CONNECTIONS,
        "registers_per_request": COUNT,
        "cores": len(cores),
        **apart,
        "on_one_core": together,
        "coalescing": coalescing(maps, args.seed),
    }


def _measured(our_core: int, server_core: int, repeats: int, rounds: int) -> dict[str, Any]:
    speeds: dict[str, list[float]] = {"libmodbus": [], "strict": [], "pymodbus": []}
    os.sched_setaffinity(0, {server_core})  # what is started now stays there
    with server() as port, compiled("client") as client:
        os.sched_setaffinity(0, {our_core})
        for i in range(repeats):
            speeds["libmodbus"].append(_libmodbus(client, port, rounds))
            speeds["strict"].append(asyncio.run(_ours("strict", port, rounds)))
            speeds["pymodbus"].append(asyncio.run(_ours("pymodbus", port, rounds)))
            print(f"{i + 1}: " + ", ".join(f"{name} {speed[-1] / 1e6:.2f} M/s" for name, speed in speeds.items()), file=sys.stderr)
    return {
        "registers_per_cpu_s": round(statistics.median(speeds["strict"])),
        "libmodbus_registers_per_cpu_s": round(statistics.median(speeds["libmodbus"])),
        "pymodbus_registers_per_cpu_s": round(statistics.median(speeds["pymodbus"])),
        **_ratio("ratio_to_libmodbus", speeds["strict"], speeds["libmodbus"]),
        **_ratio("ratio_through_pymodbus", speeds["pymodbus"], speeds["libmodbus"]),
    }


def _ratio(name: str, ours: list[float], theirs: list[float]) -> dict[str, Any]:
    ratios = sorted(a / b for a, b in zip(ours, theirs, strict=True))
    return {name: round(statistics.median(ratios), 3), f"{name}_min": round(ratios[0], 3), f"{name}_max": round(ratios[-1], 3)}


def _libmodbus(client: Path, port: int, rounds: int) -> float:
    """Registers per CPU-second of the C client."""
    command = [str(client), str(port), str(CONNECTIONS), str(COUNT), str(rounds)]
    cpu_s, registers, total = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600).stdout.split()
    if int(total) != rounds * CONNECTIONS * sum(7 * i for i in range(COUNT)):
        raise fault("libmodbus client", f"sum {total}", "the sum of what the server holds", "Check the C sources.")
    return int(registers) / float(cpu_s)


async def _ours(engine: Engine, port: int, rounds: int) -> float:
    """Registers per CPU-second of this process; the values are checked afterwards, as the C client only adds them up."""
    links = [Link(LinkConfig(id=f"{i}", url=f"tcp://127.0.0.1:{port}", timeout_s=30, engine=engine)) for i in range(CONNECTIONS)]

    async def poll(link: Link) -> np.ndarray:
        read = [await link.read(1, "holding", 0, COUNT) for _ in range(rounds)]
        return np.stack(read)

    await asyncio.gather(*(link.read(1, "holding", 0, 1) for link in links))
    before = _cpu_s()
    read = await asyncio.gather(*(poll(link) for link in links))
    spent_s = _cpu_s() - before
    for link in links:
        link.close()
    if not all((values == 7 * np.arange(COUNT)).all() for values in read):
        raise fault(f"engine {engine}", "other values", "what the server holds", "Check the engine.")
    return CONNECTIONS * COUNT * rounds / spent_s


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def coalescing(maps: int, seed: int) -> dict[str, Any]:
    """Random register maps: reads of `meters.polling.planner.coalesce` and the fewest possible, by an integer programme."""
    rng = random.Random(seed)  # noqa: S311 - register maps, no secrets
    requests = optimum = 0
    worst = 1.0
    for _ in range(maps):
        spans, reach, barriers = _map(rng)
        made, fewest = len(coalesce(spans, reach, barriers=barriers)), _fewest(spans, reach, barriers)
        requests, optimum, worst = requests + made, optimum + fewest, max(worst, made / fewest)
    return {"maps": maps, "requests": requests, "optimum": optimum, "worst_ratio": worst}


def _map(rng: random.Random) -> tuple[list[Span], Reach, list[Span]]:
    reach = Reach(words=rng.choice((8, 20, 60, 125)), gap=rng.choice((0, 1, 4, 10, 40)))
    space = rng.choice((60, 200, 600))
    starts = [rng.randrange(space) for _ in range(rng.randrange(1, 40))]
    spans = sorted({Span("holding", start, start + rng.choice((1, 1, 2, 2, 4, 8))) for start in starts})
    places = [rng.randrange(space) for _ in range(rng.choice((0, 0, 2, 6)))]
    barriers = [Span("holding", at, at + rng.choice((1, 3))) for at in places]
    return spans, reach, [wall for wall in barriers if not any(wall.start < span.end and span.start < wall.end for span in spans)]


def _fewest(spans: list[Span], reach: Reach, barriers: list[Span]) -> int:
    """Set cover: every window a device would answer is a candidate, and every span lies whole in a chosen one."""
    rows = []
    for start in {span.start for span in spans}:
        for end in {span.end for span in spans if start < span.end <= start + reach.words}:
            inside = [start <= span.start and span.end <= end for span in spans]
            wanted = {register for span, within in zip(spans, inside, strict=True) if within for register in range(span.start, span.end)}
            holes = "".join("x" if register in wanted else " " for register in range(start, end)).split("x")
            blocked = any(wall.start < end and start < wall.end for wall in barriers)
            if wanted and max(wanted) == end - 1 and max(map(len, holes)) <= reach.gap and not blocked:
                rows.append(inside)
    covers = np.array(rows, dtype=float).T
    found = milp(np.ones(covers.shape[1]), constraints=LinearConstraint(covers, lb=1), integrality=np.ones(covers.shape[1]), bounds=(0, 1))
    return round(found.fun)
