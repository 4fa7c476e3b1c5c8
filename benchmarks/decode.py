"""Words to values: all devices of a model at once against one value at a time."""

import argparse
import time
from typing import Any

import numpy as np

from meters.maps.batch import Layout
from meters.maps.registers import decode, load_model

SUMMARY = "values decoded per CPU-second, whole models at once and value by value"
MODELS = ("electricity-meter", "water-meter", "schneider-iem3000", "district-meter", "sunspec-inverter", "valve-panel")


def per_cpu_s(call: Any, values: int, least_s: float) -> float:
    """Values per CPU-second of `call`, which decodes `values` of them; repeated for at least `least_s`."""
    call()
    begin, rounds = time.process_time(), 0
    while (spent := time.process_time() - begin) < least_s:
        call()
        rounds += 1
    return values * rounds / spent


def run(args: argparse.Namespace) -> dict[str, Any]:
    """For each model: values per CPU-second of 1000 devices at once, of one device, and of `registers.decode` value by value."""
    noise, least_s, figures = np.random.default_rng(args.seed), 0.05 if args.quick else 1.0, []
    for name in MODELS:
        model = load_model(name)
        layout = Layout(model)
        image = noise.integers(0, 2**16, size=(1000, layout.width), dtype=np.uint16)
        causes = np.zeros((1000, len(layout.registers)), dtype=np.uint8)
        points = [(register, image[0, layout.columns[register.name]].tolist()) for register in model.points]

        def batch(n: int, layout: Layout = layout, image: Any = image, causes: Any = causes) -> None:
            layout.decode(image[:n], causes[:n])

        def single(points: Any = points) -> None:
            for register, words in points:
                decode(register, words)

        p = len(model.points)
        many, one, scalar = (
            per_cpu_s(lambda batch=batch: batch(1000), 1000 * p, least_s),
            per_cpu_s(lambda batch=batch: batch(1), p, least_s),
            per_cpu_s(single, p, least_s),
        )
        figures.append(
            {
                "model": name,
                "points": p,
                "values_per_cpu_s": round(many),
                "one_device_values_per_cpu_s": round(one),
                "single_values_per_cpu_s": round(scalar),
                "ratio": round(many / scalar, 1),
            }
        )
    return {"models": figures, "values_per_cpu_s": min(row["values_per_cpu_s"] for row in figures)}
