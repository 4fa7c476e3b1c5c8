"""L-TOWN-R: leaks of 2019 found causally by the leak watch, with what it carries over from 2018; EUR by BattLeDIM's rules."""

import argparse
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import _leak_score, _ltown, data_folder
from networks.leakage.reports import Report
from networks.leakage.watch import Watch

SUMMARY = "leaks found, placed and sized on L-TOWN-R 2019, EUR by BattLeDIM's rules, beside random pipes"
QUICK_DAYS = 14
PIECE = timedelta(days=7)  # handed over at a time; the watch reads each step with earlier ones only


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, help="folder of the L-TOWN form (default: leak/ltown_r of the data)")
    parser.add_argument("--truths", type=Path, help="a folder that holds more folders of the form: adds their least and median")


def watched(folder: Path, quick: bool = False) -> list[Report]:
    """Every report of the evaluated year: the watch learns on the year before and then reads on."""
    history = _ltown.scada(folder, _ltown.HISTORY)
    year = _ltown.scada(folder, _ltown.EVALUATION)
    if quick:
        history = history.window(history.end_utc - timedelta(days=QUICK_DAYS), history.end_utc)
        year = year.window(year.start_utc, year.start_utc + timedelta(days=1))
    began = time.process_time()
    watch = Watch.calibrate(_ltown.network(folder), history, _ltown.sites(history))
    print(f"{folder.name}: history read, {time.process_time() - began:.0f} CPU-s, leaks that run: {_told(watch)}", file=sys.stderr)
    reports, start = [], year.start_utc
    while start < year.end_utc:
        end = min(start + PIECE, year.end_utc)
        reports += watch.read(year.window(start, end))
        start = end
    return reports


def _told(watch: Watch) -> str:
    return ", ".join(f"{leak.pipe} {leak.size_m3_per_h:.1f} m3/h" for leak in watch.active) or "none"


def scored(folder: Path, seed: int, quick: bool = False) -> dict[str, Any]:
    """The benchmark's figures of one folder."""
    reports = watched(folder, quick)
    for report in reports:
        print(f"{report.detected_utc:%Y-%m-%d %H:%M} {report.kind} {report.pipe}: {report.worth}", file=sys.stderr)
    truth = _ltown.truth(folder)
    told = [(report.pipe, report.detected_utc) for report in reports]
    print(_leak_score.judged(truth, told).to_string(), file=sys.stderr)
    return _leak_score.score(truth, told, seed)


def run(args: argparse.Namespace) -> dict[str, Any]:
    figures = scored(args.data or data_folder("leak/ltown_r"), args.seed, args.quick)
    if args.truths:
        others = [scored(folder, args.seed, args.quick) for folder in _ltown.folders(args.truths)]
        share = [other["eur"] / other["ceiling_eur"] for other in others]
        figures["reseeded"] = {
            "folders": len(others),
            "eur_share_min": round(min(share), 3),
            "eur_share_median": round(float(np.median(share)), 3),
            "found_median": float(np.median([other["found"] for other in others])),
            "false_max": max(other["false"] for other in others),
        }
    return figures
