"""Electric feeders: lines that hang together, and the substation each is fed from."""

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from networks.findings import Finding
from networks.gis.joining import join
from networks.gis.layers import Feature
from networks.gis.lines import Lines, length


def feeders(lines: list[Feature], substations: list[Feature], tolerance_m: float) -> tuple[pd.DataFrame, list[Finding]]:
    """Feeder table: feeder (property `feeder`, else the id), line, substation (empty when none is reached), length_m, and findings."""
    joined = join(lines, substations, tolerance_m)
    renamed = {"ends-apart": "feeder-loose"}
    findings = [Finding(renamed.get(f.kind, f.kind), f.ids, f.observed) for f in joined.findings if f.kind != "pipe-divided"]
    at = pd.Series(np.arange(len(joined.nodes)), index=joined.nodes["id"])
    a, b = at[joined.pipes["start"]].to_numpy(), at[joined.pipes["end"]].to_numpy()
    part = connected_components(coo_array((np.ones(len(a), dtype=np.int8), (a, b)), shape=(len(at), len(at))), directed=False)[1]
    feeds = {part[at[name]]: name for name in (substation.id for substation in substations) if name in at}
    of = {row.of: part[at[row.start]] for row in joined.pipes.itertuples()}
    rows = []
    for number, line in enumerate(lines):
        substation = feeds.get(of.get(number, -1), "")
        rows.append((line.word("feeder") or line.id, line.id, substation, round(length(line.points), 1)))
    drawn = Lines([line.points for line in lines])
    table = pd.DataFrame(rows, columns=["feeder", "line", "substation", "length_m"])
    for number in sorted({of[n] for n in of if of[n] not in feeds}):
        members = [n for n in of if of[n] == number]
        off = min((drawn.on(n, s.points[0]).off for n in members for s in substations), default=np.inf)
        seen = f"{len(members)} lines; the nearest substation is {off:.1f} m away" if np.isfinite(off) else "no substation in the layers"
        findings.append(Finding("feeder-without-substation", tuple(lines[n].id for n in members), seen))
    return table, findings
