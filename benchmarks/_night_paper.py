"""On paper: what cities larger than any night that was measured need, in proportion to the largest measured one: at most so much."""

from dataclasses import dataclass
from math import ceil
from typing import Any

QUARTERS, DAYS_A_YEAR = 96, 365
SERIAL_H, SHARED_H = 2.0, 2.0
"""How a night of four hours is shared: what one process does, and the forecasts, which workers share [h]."""
POLL_SHARE = 0.25
"""Part of a core and of each quarter-hour that a polling node is given [1]."""
HOT_DAYS = 35
EXCHANGE_BYTES = 12 + 17 + 4 * 40
"""Modbus TCP: a read request (12), the reply for four registers (17), and the TCP/IP headers of both and their acknowledgements [B]."""
SECONDS_A_DAY, QUARTER_S = 86_400, 900


@dataclass(frozen=True)
class Line:
    """A cost that grows in a straight line: `fixed` and `each` point."""

    fixed: float
    each: float

    @classmethod
    def through(cls, small: tuple[float, float], large: tuple[float, float]) -> "Line":
        each = (large[1] - small[1]) / (large[0] - small[0])
        return cls(small[1] - each * small[0], each)

    def at(self, points: float) -> float:
        return self.fixed + self.each * points


def largest(figures: dict[str, Any]) -> dict[str, Any]:
    """The largest night of one process on SQLite."""
    own = [one for one in figures["scales"] if one["workers"] == 1 and one["database"] == "sqlite" and "cpu_s" in one]
    return max(own, key=lambda one: int(one["points"]))


def forecast_share(one: dict[str, Any]) -> float:
    """The forecasts' part of a night of one process [1]: of the wall, which other work on the machine stretches for all steps alike."""
    return float(one["steps"]["forecast"] / one["wall_s"])


def lines(figures: dict[str, Any]) -> dict[str, Line]:
    """CPU of the whole night, seconds of what one process does and of the forecasts, memory of the largest process [MB].

    What a night costs whatever its size (training) is shared out over its points: so these are upper bounds.
    """
    night = largest(figures)

    def through(cost: Any) -> Line:
        return Line.through((0, 0), (night["points"], cost(night)))

    return {
        "cpu_s": through(lambda one: one["cpu_s"]),
        "serial_s": through(lambda one: one["cpu_s"] * (1 - forecast_share(one))),
        "shared_s": through(lambda one: one["cpu_s"] * forecast_share(one)),
        "memory_mb": through(lambda one: one["peak_rss_mb"]),
    }


def needs(figures: dict[str, Any], points: int) -> dict[str, float]:
    """What `points` meters read every quarter-hour need."""
    line, known, disk = lines(figures), figures["known"], largest(figures)["disk"]
    stores = max(1, ceil(points / ((SERIAL_H * 3600 - line["serial_s"].fixed) / line["serial_s"].each)))
    own = points / stores
    readings = points * QUARTERS
    return {
        "cpu_h": line["cpu_s"].at(points) / 3600,
        "stores": stores,
        "points_of_a_store": own,
        "workers": stores * max(1, ceil(line["shared_s"].at(own) / (SHARED_H * 3600))),
        "memory_gb": line["memory_mb"].at(own) / 1000,
        "readings_per_s": readings / SECONDS_A_DAY,
        "writer_s": own / known["postgres_rows_per_s"],
        "hot_tb": readings * HOT_DAYS * known["postgres_hot_bytes_per_reading"] / 1e12,
        "cold_tb_a_year": readings * DAYS_A_YEAR * known["cold_bytes_per_reading"] / 1e12,
        "vectors_tb_a_year": points * DAYS_A_YEAR * disk["meter_day_bytes"] / 1e12,
        "ledger_tb_a_year": points * 24 * DAYS_A_YEAR * disk["entry_bytes"] / 1e12,
        "gateways": ceil(points / known["units_per_gateway"]),
        "poll_nodes": ceil(points * known["poll_us_per_meter"] * 1e-6 / (POLL_SHARE * QUARTER_S)),
        "network_mbit_s": points * known["requests_per_meter"] * EXCHANGE_BYTES * 8 / QUARTER_S / 1e6,
    }


ROWS = (
    ("processor time of a night", "cpu_h", "core-hours", 0),
    ("stores, each with a night of its own", "stores", "", 0),
    ("meters of a store", "points_of_a_store", "", 0),
    ("processes that share the forecasts, of all stores", "workers", "", 0),
    ("memory of a store's night", "memory_gb", "GB", 0),
    ("readings a second, on average", "readings_per_s", "", 0),
    ("a store's writer works, of 900 s", "writer_s", "s", 1),
    ("hot readings of 35 days, PostgreSQL", "hot_tb", "TB", 2),
    ("cold readings a year", "cold_tb_a_year", "TB", 2),
    ("validated days a year", "vectors_tb_a_year", "TB", 2),
    ("ledger a year, entries by the hour", "ledger_tb_a_year", "TB", 2),
    ("gateways", "gateways", "", 0),
    ("polling nodes, by processor", "poll_nodes", "", 0),
    ("traffic of the field, on average", "network_mbit_s", "Mbit/s", 1),
)


def paper(figures: dict[str, Any], sizes: dict[str, int]) -> str:
    """The table of the page."""
    made = {name: needs(figures, points) for name, points in sizes.items()}
    head = ["| | " + " | ".join(sizes) + " |", "|---|" + "---|" * len(sizes)]
    body = [
        f"| {told} | " + " | ".join(f"{one[key]:,.{digits}f} {unit}".strip() for one in made.values()) + " |"
        for told, key, unit, digits in ROWS
    ]
    return "\n".join([*head, *body])


def measured(figures: dict[str, Any]) -> str:
    """The measured nights as the table of the page."""
    head = [
        "| points | workers | database | wall [s] | CPU [s] | largest process [MB] | all together [MB] | validate, forecast, plan, ledger |"
    ]
    head.append("|---|---|---|---|---|---|---|---|")
    body = []
    for one in figures["scales"]:
        told = f"| {one['points']:,} | {one['workers']} | {one['database']} | "
        if "cpu_s" not in one:
            body.append(told + "failed | | | | |")
            continue
        steps = ", ".join(f"{one['steps'][name]:,.0f}" for name in ("validate", "forecast", "plan", "ledger"))
        body.append(told + f"{one['wall_s']:,.0f} | {one['cpu_s']:,.0f} | {one['peak_rss_mb']:,} | {one['peak_tree_mb']:,} | {steps} |")
    return "\n".join([*head, *body])
