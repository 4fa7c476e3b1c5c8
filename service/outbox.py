"""Approved commands go out to the field: what hinders one, the write, the read-back, and the way back.

Only the poll process calls this. Order of the checks: a hold or the emergency stop; an outcome nobody knows; the point and its
limits; how often may be written. Whatever happens leaves a line in the audit table.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from city.problems import PenstockError
from meters.polling.field import Field
from meters.vee.quality import Limits
from service.environment import STOP_FILE
from service.grid import interlock, order
from service.settings import LoadedCity
from service.store import commands, operations

_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Hindrance:
    """Why a command is not written now. State held: until nothing holds it; refused: never; approved: it waits its turn."""

    state: str
    sentence: str


def execute_due(engine: Engine, field: Field, city: LoadedCity, at_utc: datetime) -> int:
    """Write approved commands whose time has come, read each back, and store outcome and audit line. Returns the writes tried.

    Commands that take a setpoint back come last: what is newer is written first and supersedes them.
    """
    operations.enter_stop(engine, city.folder / STOP_FILE, at_utc)
    commands.close_interrupted(engine, at_utc)
    tried = 0
    for reverts in (False, True):
        for command in commands.due(engine, at_utc, reverts=reverts):
            found = ready(engine, city, command, at_utc)
            if isinstance(found, Limits):
                _write(engine, field, command, found, at_utc)
                tried += 1
            elif found.state == "refused":
                commands.conclude(engine, command, found.state, found.sentence, at_utc)
            else:
                commands.wait(engine, command, found.state, found.sentence, at_utc)
    return tried


def ready(engine: Engine, city: LoadedCity, command: Any, at_utc: datetime) -> Limits | Hindrance:
    """The limits that a due command may be written within now, or what hinders it. Asked anew for each: a stop also ends a series."""
    point_id, point = command.point_id, city.points.get(command.point_id)
    if (first := order.waits_for(engine, command)) is not None:
        return Hindrance("approved", f"{point_id}: waits for a step before it, {first}")
    if (told := interlock.hinders(engine, city, command, at_utc)) is not None:
        return Hindrance("approved", f"{point_id}: not written, {told} as the switches stand now; propose anew")
    asset = next((control.asset for control in city.settings.controls if control.point == point_id), point_id)
    held = {hold.subject for hold in operations.holds(engine, at_utc)}
    if held & {operations.STOP, point_id, asset} or (city.folder / STOP_FILE).exists():
        return Hindrance("held", f"{point_id}: not written, a hold is in force")
    open_command = commands.unknown(engine).get(point_id)
    if open_command is not None:
        told = f"nobody knows what came of {open_command}; look at the device, then `penstock settle {open_command} --found VALUE`"
        return Hindrance("held", f"{point_id}: not written, {told}")
    if point is None or city.meter[point.meter].link is None:
        return Hindrance("refused", f"{point_id}: not written, city.toml has no such point on a link")
    limits = city.write_limits(point_id)
    if limits is None:
        return Hindrance("refused", f"{point_id}: not written, neither [[limits]] nor its register map say what may be written there")
    return _too_often(engine, city, command, limits, at_utc) or limits


def _too_often(engine: Engine, city: LoadedCity, command: Any, limits: Limits, at_utc: datetime) -> Hindrance | None:
    """Does the command have to wait? Going back is not kept waiting by the hour's count, only by the interval."""
    point_id = command.point_id
    link = next(link for link in city.settings.links if link.id == city.meter[city.points[point_id].meter].link)
    if limits.write_interval_s and point_id in commands.sent_since(engine, at_utc - timedelta(seconds=limits.write_interval_s)):
        return Hindrance("approved", f"{point_id}: waits, {limits.write_interval_s:g} s must lie between two writes")
    if command.reverts is not None or (limits.writes_per_hour is None and link.writes_per_hour is None):
        return None
    sent = commands.sent_since(engine, at_utc - _HOUR)
    if limits.writes_per_hour is not None and sent.get(point_id, 0) >= limits.writes_per_hour:
        return Hindrance("approved", f"{point_id}: waits, {limits.writes_per_hour} writes in an hour are the most for it")
    on_link = sum(number for name, number in sent.items() if name in city.points and city.meter[city.points[name].meter].link == link.id)
    if link.writes_per_hour is not None and on_link >= link.writes_per_hour:
        return Hindrance("approved", f"{point_id}: waits, {link.writes_per_hour} writes in an hour are the most for link {link.id}")
    return None


def _write(engine: Engine, field: Field, command: Any, limits: Limits, at_utc: datetime) -> None:
    if not commands.begin(engine, command.command_id):
        return
    try:
        outcome = field.write(command.point_id, command.setpoint, limits, at_utc)
    except PenstockError as error:  # raised before anything is sent: a point of another machine's link, a value no register holds
        commands.conclude(engine, command, "refused", f"{command.point_id}: not written, {error}", at_utc)
        return
    state, action = str(outcome.word), f"write {outcome.word}"
    sentence = f"{outcome.word} {outcome.setpoint:g} to {command.point_id}: {outcome.reason}"
    if outcome.word == "written" and outcome.setpoint != command.setpoint:
        state, action = "approved", "write stepped"
        sentence = f"{sentence}; a step on the way to {command.setpoint:g}"
    if outcome.word == "refused":
        commands.conclude(engine, command, state, sentence, at_utc)
        return
    commands.conclude_sent(engine, command, state, action, sentence, at_utc, limits)
