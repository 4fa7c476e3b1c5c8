"""The ledger: ten million hourly entries posted, summed, verified and computed again, and forged in every way that comes to mind."""

import argparse
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from benchmarks._forgeries import findings, forged, stored
from benchmarks._large_forgeries import forge_large
from benchmarks._small_ledger import small
from carbon.accounts import Account, account_of
from carbon.factors import load
from carbon.ledger.batch import Batch, Header
from carbon.ledger.chain import append
from carbon.ledger.files import merkle_root
from carbon.ledger.ledger import Ledger
from carbon.ledger.parallel import post_in
from carbon.ledger.post import post
from carbon.ledger.verify import verify
from city import quality as q
from city.places import Site

SUMMARY = "the carbon ledger: 10 M entries posted, summed, verified, recomputed; forgeries missed"
ZONE, KNOWN = "Asia/Shanghai", datetime(2023, 1, 2, tzinfo=UTC)
SITES = tuple(Site(id=f"s{i:02d}", sector="industry") for i in range(50))
REGIONS = ("CN-ZJ", "CN-GD", "CN-SH", "CN-JS", "CN-SC")
FORGERS = 2  # processes that forge and check


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--accounts", type=int, default=1142, help="accounts, each with the 8760 hours of 2022")
    parser.add_argument("--mutations", type=int, default=100_000, help="forgeries of the ledger of 2,000 entries")
    parser.add_argument("--large", type=int, default=100, help="forgeries of the large ledger")


def accounts(count: int) -> tuple[Account, ...]:
    """Electricity accounts over sites and provinces."""
    return tuple(
        account_of(
            id=f"a{i:05d}",
            kind="grid-electricity",
            point=f"p{i:05d}",
            site=SITES[i % len(SITES)].id,
            sector="industry",
            region=REGIONS[i % len(REGIONS)],
        )
        for i in range(count)
    )


def usage(books: tuple[Account, ...], hours: int, rng: np.random.Generator, order: np.ndarray | None = None) -> pd.DataFrame:
    """Hourly usage of 2022 [Wh]: one in a hundred estimated, one in two hundred missing, one in a thousand edited; rows in `order`."""
    rows = len(books) * hours
    amount = rng.integers(0, 1_000_000, rows)
    chance = rng.random(rows, np.float32)
    marks = [(0.015, int(q.Flag.ESTIMATED_LINEAR)), (0.005, 0), (0.001, int(q.Flag.EDITED))]
    quality = np.full(rows, q.VALID, np.int32)
    for share, code in marks:
        quality[chance < share] = code
    pick = (lambda values: values) if order is None else (lambda values: values[order])
    hour = np.timedelta64(1, "h")
    start = pick(np.tile(np.datetime64("2021-12-31T16:00", "us") + np.arange(hours) * hour, len(books)))
    return pd.DataFrame(
        {
            "point_id": pd.Categorical.from_codes(pick(np.repeat(np.arange(len(books), dtype=np.int32), hours)), [b.point for b in books]),
            "period_start_utc": pd.DatetimeIndex(start, tz="UTC"),
            "period_end_utc": pd.DatetimeIndex(start + hour, tz="UTC"),
            "quantity": pd.Categorical.from_codes(np.zeros(rows, np.int8), ["energy_kwh"]),
            "amount": pick(amount),
            "quality": pick(quality),
            "version": np.ones(rows, np.int32),
        },
        copy=False,
    )


def timed(what: str, work: Callable[[], Any]) -> tuple[Any, float, float]:
    """What the work gives, its wall time and its CPU time, children included [s]."""
    wall, cpu = time.perf_counter(), sum(os.times()[:4])
    made = work()
    spent = time.perf_counter() - wall, sum(os.times()[:4]) - cpu
    print(f"{what}: {spent[0]:.2f} s, {spent[1]:.2f} CPU-s", file=sys.stderr)
    return made, round(spent[0], 2), round(spent[1], 2)


def attack(seed: int, count: int) -> dict[str, Any]:
    """Forge the small ledger `count` times; how many of each kind, what was missed, and what was found in the wrong place."""
    rng, good = random.Random(seed), stored(small(1))  # noqa: S311 - forgeries to be drawn again, no secret
    root = good.headers[-1].root
    if findings(good, root):
        raise AssertionError("the good ledger is not sound")
    kinds: Counter[str] = Counter()
    missed, misplaced = [], 0
    for _ in range(count):
        name, made = forged(rng, good)
        kinds[name] += 1
        found = findings(made.state, root)
        if not found:
            missed.append(name)
        elif not any(problem.subject.startswith(made.place) for problem in found):
            misplaced += 1
    return {"entries": sum(header.rows for header in good.headers), "kinds": dict(kinds), "missed": missed, "misplaced": misplaced}


def attacks(seed: int, count: int) -> list[dict[str, Any]]:
    if count < 1000:
        return [attack(seed, count)]
    with ProcessPoolExecutor(FORGERS, mp_context=get_context("spawn")) as pool:
        return list(pool.map(attack, [seed * 1000 + i for i in range(20)], [-(-count // 20)] * 20))


def post_and_group(frame: pd.DataFrame, books: tuple[Account, ...], factors: Any, folder: Path) -> tuple[Header, pd.DataFrame]:
    """The batch posted and written, and its sums by account and month, read from its file."""
    header = append(post(frame, books, SITES, factors, KNOWN, zone=ZONE), folder)
    return header, Ledger.open([header], folder).book(zone=ZONE)


def one_day_more(books: tuple[Account, ...], factors: Any) -> Batch:
    """A small batch behind the large one, so that there is a tail to cut."""
    frame = usage(books[:2], 24, np.random.default_rng(0))
    later = {name: frame[name] + pd.Timedelta(hours=8760) for name in ("period_start_utc", "period_end_utc")}
    return post(frame.assign(**later), books[:2], SITES, factors, KNOWN + timedelta(days=1), zone=ZONE)


def recomputed(
    books: tuple[Account, ...], factors: Any, hours: int, seed: int, merkle: str, book: pd.DataFrame
) -> tuple[bool, dict[str, float], dict[str, float]]:
    """Everything computed again from the usage, rows in order and shuffled, in 1, 2 and 4 processes: is it the same to the bit?"""
    same, wall, cpu = True, {}, {}
    for shuffled in (False, True):
        order = np.random.default_rng(seed + 1).permutation(len(books) * hours) if shuffled else None
        frame = usage(books, hours, np.random.default_rng(seed), order)
        del order
        for processes in (1, 2, 4):
            name = f"{'shuffled' if shuffled else 'in order'}, {processes}"

            def again(frame: pd.DataFrame = frame, processes: int = processes) -> tuple[str, pd.DataFrame]:
                batch = post_in(processes, frame, books, SITES, factors, KNOWN, zone=ZONE)
                return merkle_root(batch), Ledger.of([batch]).book(zone=ZONE)

            (root, sums), wall[name], cpu[name] = timed(f"recompute, {name}", again)
            same &= root == merkle and sums.equals(book)
        del frame
    return same, wall, cpu


def run(args: argparse.Namespace) -> dict[str, Any]:
    count, hours = (5, 400) if args.quick else (args.accounts, 8760)
    mutations, large = (300, 8) if args.quick else (args.mutations, args.large)
    done, attack_s, _ = timed(f"{mutations} forgeries", lambda: attacks(args.seed, mutations))
    books, factors = accounts(count), load()
    frame = usage(books, hours, np.random.default_rng(args.seed))
    with TemporaryDirectory(prefix="penstock-ledger-", dir=os.environ.get("PENSTOCK_CACHE")) as name:
        folder = Path(name)

        (header, book), post_s, post_cpu = timed("post, write and group", partial(post_and_group, frame, books, factors, folder))
        del frame
        problems, verify_s, verify_cpu = timed("verify", lambda: verify([header], folder, header.root))
        identical, recompute_s, recompute_cpu = recomputed(books, factors, hours, args.seed, header.merkle, book)
        headers = [header, append(one_day_more(books, factors), folder, header)]
        missed_large, large_s, _ = timed(
            f"{large} forgeries of {header.rows} entries", lambda: forge_large(folder, headers, large, args.seed)
        )
    kinds = sum((Counter(part["kinds"]) for part in done), Counter[str]())
    return {
        "entries": header.rows,
        "post_and_group_s": post_s,
        "verify_s": verify_s,
        "recompute_s": max(recompute_s.values()),
        "recompute_each_s": recompute_s,
        "bit_identical": identical and not problems,
        "mutations": sum(kinds.values()) + large,
        "missed": sum(len(part["missed"]) for part in done) + len(missed_large),
        "misplaced": sum(part["misplaced"] for part in done),
        "mutations_small": {"entries": done[0]["entries"], "wall_s": attack_s, **kinds},
        "mutations_large": {"count": large, "wall_s": large_s},
        "missed_kinds": [*(kind for part in done for kind in part["missed"]), *missed_large],
        "tonnes": round(float(book["mg"].sum()) / 1e9, 3),
        "cpu": {"post_and_group": post_cpu, "verify": verify_cpu, "recompute": recompute_cpu},
    }
