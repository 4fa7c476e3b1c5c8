"""What of the field's readings is on the disk already, in the store or still in the spool: where a poll that was killed goes on."""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import DBAPIError

from city.problems import PenstockError
from meters.polling.poll import Device
from meters.spool.spool import Spool
from service import schema as t


def last_kept(engine: Engine, spool: Spool, devices: Sequence[Device]) -> dict[int, datetime]:
    """{how often meters are read [s]: the newest slot of theirs that is kept}.

    Only what is polled counts: a head-end's file or an import may well bring values of later times, and the slots before those were not
    read for it. A database that is lost or not made yet has kept nothing; what it has all the same, it drops as duplicate.
    """
    step_of = {device.meter_id: device.step_s for device in devices}
    found: dict[int, list[datetime]] = defaultdict(list)
    p, newest = t.point.c, t.latest.c
    wanted = select(p.meter_id, func.max(newest.time_utc)).join(t.latest, newest.point_key == p.point_key).group_by(p.meter_id)
    for meter_id, at in _waiting(spool, set(step_of)):  # first: what is handed over meanwhile is then seen twice, not missed
        found[step_of[meter_id]].append(at)
    with suppress(DBAPIError), engine.connect() as connection:
        for meter_id, at in connection.execute(wanted).tuples():
            if meter_id in step_of:
                found[step_of[meter_id]].append(at)
    return {step_s: max(times) for step_s, times in found.items()}


def _waiting(spool: Spool, meters: set[str]) -> list[tuple[str, datetime]]:
    """(meter, time) of the newest batches in the spool, back to the first in which each of `meters` has been seen."""
    found: list[tuple[str, datetime]] = []
    lacking = set(meters)
    for batch in spool.newest_first():
        try:
            frame = batch.readings()
        except PenstockError:  # torn: it goes to the dead letters, so its slot is read again
            continue
        polled = frame["point_id"].str.rpartition(".")[0]
        for meter_id, at in frame["time_utc"].groupby(polled).max().items():
            if meter_id in meters:
                found.append((str(meter_id), at.to_pydatetime()))
                lacking.discard(str(meter_id))
        if not lacking:
            break
    return found
