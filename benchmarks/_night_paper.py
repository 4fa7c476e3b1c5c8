"""On paper: what cities larger than any night that was measured need, from the smallest and the largest night that was.

Two ways. A straight line through both: what a night costs whatever its size, and what each point adds. In proportion to the largest:
all of it shared out over its points, which is more. Neither knows what breaks first at sizes that nobody measured.
"""

from dataclasses import dataclass
from math import ceil
from typing import Any, Literal

Way = Literal["line", "proportion"]
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


def measured_nights(figures: dict[str, Any]) -> list[dict[str, Any]]:
    """The nights of one process on SQLite, by their size."""
    own = [one for one in figures["scales"] if one["workers"] == 1 and one["database"] == "sqlite" and "cpu_s" in one]
    return sorted(own, key=lambda one: int(one["points"]))


def largest(figures: dict[str, Any]) -> dict[str, Any]:
    """The largest night of one process on SQLite."""
    return measured_nights(figures)[-1]


def forecast_share(one: dict[str, Any]) -> float:
    """The forecasts' part of a night of one process [1]: of the wall, which other work on the machine stretches for all steps alike."""
    return float(one["steps"]["forecast"] / one["wall_s"])


def lines(figures: dict[str, Any], way: Way) -> dict[str, Line | None]:
    """CPU of the whole night, seconds of what one process does and of the forecasts, memory of the largest process [MB].

    None where the two nights show no growth: what a point adds then is less than how two nights of one size differ. Memory is never told
    in proportion: most of what the measured nights hold is a sample of bounded size.
    """
    nights = measured_nights(figures)
    small, large = nights[0], nights[-1]

    def through(cost: Any) -> Line | None:
        if way == "proportion":
            return Line.through((0, 0), (large["points"], cost(large)))
        if small["points"] == large["points"]:
            return None
        line = Line.through((small["points"], cost(small)), (large["points"], cost(large)))
        return line if line.each > 0 else None

    return {
        "cpu_s": through(lambda one: one["cpu_s"]),
        "serial_s": through(lambda one: one["cpu_s"] * (1 - forecast_share(one))),
        "shared_s": through(lambda one: one["cpu_s"] * forecast_share(one)),
        "memory_mb": through(lambda one: one["peak_rss_mb"]) if way == "line" else None,
    }


def needs(figures: dict[str, Any], points: int, way: Way = "proportion") -> dict[str, float | None]:
    """What `points` meters read every quarter-hour need; None where the measured nights do not say."""
    line, known, disk = lines(figures, way), figures["known"], largest(figures)["disk"]
    serial, shared, memory = line["serial_s"], line["shared_s"], line["memory_mb"]
    stores = max(1, ceil(points / ((SERIAL_H * 3600 - serial.fixed) / serial.each))) if serial else None
    own = points / (stores or 1)
    readings = points * QUARTERS
    return {
        "cpu_h": line["cpu_s"].at(points) / 3600 if line["cpu_s"] else None,
        "stores": stores,
        "points_of_a_store": own if stores else None,
        "workers": stores * max(1, ceil(shared.at(own) / (SHARED_H * 3600))) if shared and stores else None,
        "memory_gb": memory.at(own) / 1000 if memory else None,
        "readings_per_s": readings / SECONDS_A_DAY,
        "writer_s": own / known["postgres_rows_per_s"] if stores else None,
        "hot_tb": readings * HOT_DAYS * known["postgres_hot_bytes_per_reading"] / 1e12,
        "cold_tb_a_year": readings * DAYS_A_YEAR * known["cold_bytes_per_reading"] / 1e12,
        "vectors_tb_a_year": points * DAYS_A_YEAR * disk["meter_day_bytes"] / 1e12,
        "ledger_tb_a_year": points * 24 * DAYS_A_YEAR * disk["entry_bytes"] / 1e12,
        "gateways": ceil(points / known["units_per_gateway"]),
        "poll_nodes": ceil(points * known["poll_us_per_meter"] * 1e-6 / (POLL_SHARE * QUARTER_S)),
        "network_mbit_s": points * known["requests_per_meter"] * EXCHANGE_BYTES * 8 / QUARTER_S / 1e6,
    }


ROWS = (
    ("processor time of a night", "cpu_h", "core-hours", 1),
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
    made = {name: (needs(figures, points, "line"), needs(figures, points)) for name, points in sizes.items()}
    head = ["| | " + " | ".join(sizes) + " |", "|---|" + "---|" * len(sizes)]
    body = [
        f"| {told} | " + " | ".join(_cell(line[key], proportion[key], unit, digits) for line, proportion in made.values()) + " |"
        for told, key, unit, digits in ROWS
    ]
    return "\n".join([*head, *body])


def _cell(line: float | None, proportion: float | None, unit: str, digits: int) -> str:
    """Both ways as a span; one figure where they say the same, or only one says something."""
    found = sorted(one for one in (line, proportion) if one is not None)
    texts = list(dict.fromkeys(f"{one:,.{digits}f}" for one in found))
    only = "up to " if line is None and proportion is not None else ""
    return f"{only}{' to '.join(texts)} {unit}".strip() if texts else "not known"


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


def growth(figures: dict[str, Any]) -> str:
    """The exponents of CPU-seconds over points as the table of the page."""
    points = sorted({one["points"] for one in figures["scales"]})
    head = [f"| workers | database | from {points[0]:,} points | from {points[-2:][0]:,} points |", "|---|---|---|---|"]
    return "\n".join([*head, *(f"| {one['workers']} | {one['database']} | {one['all']} | {one['largest']} |" for one in figures["growth"])])
