"""The harness: lists the benchmarks, runs one, and measures what it cost."""

import argparse
import importlib
import json
import pkgutil
import resource
import subprocess
import sys
import time
from typing import Any

import benchmarks
from city.problems import PenstockError


def names() -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(benchmarks.__path__) if not module.name.startswith("_"))


def commit() -> str:
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def cpu_s() -> float:
    """CPU-seconds of this process and its ended children."""
    return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


def measured(name: str, rest: list[str]) -> tuple[dict[str, Any], bool]:
    """Run one benchmark. Returns its figures with what the harness adds, and whether JSON was asked for."""
    module = importlib.import_module(f"benchmarks.{name}")
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks {name}", description=module.SUMMARY)
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--quick", action="store_true", help="a smoke run: small, fast, figures mean little")
    parser.add_argument("--seed", type=int, default=1)
    if hasattr(module, "add_arguments"):
        module.add_arguments(parser)
    args = parser.parse_args(rest)
    wall, cpu = time.perf_counter(), cpu_s()
    figures = module.run(args)
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
    cost = {"cpu_s": round(cpu_s() - cpu, 2), "wall_s": round(time.perf_counter() - wall, 2), "peak_rss_mb": round(peak)}
    return {**figures, "seed": args.seed, "commit": commit(), **cost}, args.json


def table(figures: dict[str, Any], indent: str = "") -> None:
    for key, value in figures.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            print(f"{indent}{key}")
            for row in value:
                print(f"{indent}  " + "  ".join(f"{k} {v}" for k, v in row.items()))
        elif isinstance(value, dict):
            print(f"{indent}{key}")
            table(value, indent + "  ")
        else:
            print(f"{indent}{key:<28} {value}")


def main(argv: list[str]) -> int:
    if not argv or argv[0] not in names():
        for name in names():
            print(f"{name:<16} {importlib.import_module(f'benchmarks.{name}').SUMMARY}")
        return 0 if not argv else 2
    try:
        figures, as_json = measured(argv[0], argv[1:])
    except PenstockError as error:
        print(error, file=sys.stderr)
        return 2
    if as_json:
        print(json.dumps(figures))
    else:
        table(figures)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
