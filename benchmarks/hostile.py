"""Devices that answer wrongly: hundreds of wrong ways on the wire, a million mutated frames in the receiving code."""

import argparse
import asyncio
import gc
import sys
from typing import Any

from benchmarks._fuzz import fuzz
from benchmarks._hostile_server import KINDS, Trial, open_files, tried

SUMMARY = "Modbus: wrong replies that became values, exceptions that escaped, sockets that leaked"
_AT_ONCE = 25  # modes; most of them wait for a deadline


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--frames", type=int, default=1_000_000, help="mutated frames")


def run(args: argparse.Namespace) -> dict[str, Any]:
    gc.collect()  # what an earlier part of this process forgot is not counted; what a link forgets is
    before = open_files()
    trials = asyncio.run(_trials(5 if args.quick else 1))
    leaked = open_files() - before
    for trial in trials:
        for wrong in trial.wrong:
            print(f"{trial.kind}, {trial.mode}: {wrong}", file=sys.stderr)
    fuzzed, causes = fuzz(5_000 if args.quick else args.frames, args.seed)
    modes = {(KINDS[trial.kind][0], trial.mode) for trial in trials}
    bad = {(KINDS[trial.kind][0], trial.mode) for trial in trials if not trial.next_good}
    return {
        "modes": len(modes),
        "next_good_ok": len(modes - bad),
        "trials": len(trials),
        "wrong_causes_or_times": sum(len(trial.wrong) for trial in trials),
        "latest_after_deadline_ms": round(1000 * max(trial.latest_s for trial in trials), 1),
        "fuzzed_frames": fuzzed.frames,
        "accepted_invalid": fuzzed.accepted_invalid + sum(trial.accepted_invalid for trial in trials),
        "valid_mutations": fuzzed.valid_mutations,
        "out_of_map_made_questionable": fuzzed.out_of_map,
        "refused_valid": fuzzed.refused_valid,
        "escaped_exceptions": fuzzed.escaped + sum(trial.escaped for trial in trials),
        "leaked_sockets": leaked,
        "causes_of_fuzzed_frames": dict(causes.most_common()),
    }


async def _trials(every: int) -> list[Trial]:
    done: list[Trial] = []
    escaped: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: escaped.append(str(context.get("exception") or context["message"])))
    for kind, (_, modes) in KINDS.items():
        chosen = modes[::every]
        for i in range(0, len(chosen), _AT_ONCE):
            done += await asyncio.gather(*(tried(mode, kind) for mode in chosen[i : i + _AT_ONCE]))
        print(f"{kind}: {len(chosen)} modes", file=sys.stderr)
    await asyncio.sleep(0.1)
    if escaped:
        done[0].escaped += len(escaped)
        done[0].wrong += escaped
    return done
