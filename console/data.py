"""The one module that caches: the store's engine for the process, each read-model for a few seconds."""

import gc
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Concatenate, ParamSpec, TypeVar

from console.shared import Shared
from service import known_events, water_quality
from service.access.districts import districts_of, districts_of_plan
from service.alarms import figures, listing
from service.auditing import listing as audit_listing
from service.cases import store as cases_store
from service.cases.figures import figures as figures_of_cases
from service.environment import Environment
from service.grid import view as grid_view
from service.levels import history as levels_view
from service.settings import LoadedCity, load
from service.shifts import changes as shift_changes
from service.shifts import log as shift_log
from service.store import open_store
from service.view import ahead as ahead_view
from service.view import audit as audit_view
from service.view import board as board_view
from service.view import books, carbon, history, losses, moment, plan, plan_beside, series, validation, water, water_map
from service.view import drivers as drivers_view
from service.view import online as online_view
from service.view import peaks as peaks_view
from service.view import tiles as tiles_view
from service.view import writes as writes_view

P = ParamSpec("P")
R = TypeVar("R")
TTL_S = 10
DAY = timedelta(days=1)
ALARMS_TTL_S = 3
MINUTE_S = 60
SLOW_TTL_S = 600


@dataclass(frozen=True)
class Station:
    """What every page reads from: the checked city file and its store."""

    city: LoadedCity
    engine: Any


def _key() -> tuple[str, ...]:
    """What the store is opened by; part of every cache key, so that another city is never shown from memory."""
    told = os.environ.get
    return told("PENSTOCK_CITY", ""), told("PENSTOCK_HOME", ""), told("PENSTOCK_DATABASE_URL", ""), told("PENSTOCK_NOW", ""), os.getcwd()


def _open() -> Station:
    environment = Environment()
    made = Station(load(environment), open_store(environment.url))
    gc.collect()
    gc.freeze()  # Streamlit collects garbage after every click: without this it would walk through the whole city each time
    return made


_STATIONS, _SHARED, _MEASURED = Shared(), Shared(), Shared()


def station() -> Station:
    """The city and the store. Raises `PenstockError` when either cannot be read; tried again at the next run."""
    made: Station = _STATIONS.get(_key(), float("inf"), _open)
    return made


def _cached(name: str, model: Callable[Concatenate[Station, P], R], ttl_s: float = TTL_S, shared: Shared = _SHARED) -> Callable[P, R]:
    """A read-model that is asked once in `ttl_s` [s] for all sessions; its arguments can be hashed."""

    def ask(*arguments: P.args, **named: P.kwargs) -> R:
        asked = (name, _key(), arguments, *named.items())
        made: R = shared.get(asked, ttl_s, lambda: model(station(), *arguments, **named))
        return made

    return ask


def _measured(name: str, model: Callable[Concatenate[Station, P], R], ttl_s: float = TTL_S) -> Callable[P, R]:
    """As `_cached`, for what no decision changes: what devices said, what the night forecast. A decision does not drop it."""
    return _cached(name, model, ttl_s, _MEASURED)


def _of_ledger(name: str, model: Callable[Concatenate[Station, P], R]) -> Callable[P, R]:
    """As `_cached`, but until the ledger's root changes: such a model reads batches."""

    def ask(*arguments: P.args, **named: P.kwargs) -> R:
        newest = head()
        asked = (name, _key(), newest.root if newest else "", arguments, *named.items())
        made: R = _SHARED.get(asked, SLOW_TTL_S, lambda: model(station(), *arguments, **named))
        return made

    return ask


def forget() -> None:
    """Drop what a decision may have changed: called after one, so that its effect is seen at once."""
    _SHARED.forget()


now = _cached("now", lambda s: moment.moment(s.engine, s.city))
board = _measured("board", lambda s: board_view.points(s.engine, s.city, now()))
counts = _measured("counts", lambda _s: board_view.counts(board()))
found = _measured("found", lambda _s, words, abnormal, shown: board_view.search(board(), words, abnormal=abnormal, shown=dict(shown)))
tiles = _measured("tiles", lambda s: tiles_view.tiles(s.engine, s.city, now(), board()))
alarms = _cached(
    "alarms", lambda s, who: listing.overview(s.engine, now().now_utc, who, s.city.settings.alarms.operator_positions), ttl_s=ALARMS_TTL_S
)
alarms_aside = _cached("alarms_aside", lambda s, who: listing.put_aside(s.engine, who), ttl_s=ALARMS_TTL_S)
alarm_figures = _cached(
    "alarm_figures", lambda s, days: figures.lately(s.engine, now().now_utc, days, s.city.settings.alarms.operator_positions)
)
tonight = _cached("tonight", lambda s, plan_id=None: plan.tonight(s.engine, plan_id))
ahead = _cached("ahead", lambda s: ahead_view.ahead(s.engine, s.city, now(), tonight()), MINUTE_S)
in_force = _cached("in_force", lambda s: plan_beside.in_force(s.engine, now()))
calls = _cached("calls", lambda s, plan_id: plan_beside.calls(s.engine, plan_id))
what_ifs = _cached("what_ifs", lambda s, plan_id: plan_beside.what_ifs(s.engine, plan_id))
pareto = _cached("pareto", lambda s, plan_id: plan_beside.pareto(s.engine, plan_id))
fans = _measured("fans", lambda s: plan.fans(s.engine, s.city, now().night), MINUTE_S)
drivers = _measured("drivers", lambda s, night: drivers_view.drivers(s.engine, s.city, night))
peaks = _measured("peaks", lambda s, night: peaks_view.peaks(s.engine, s.city, night))
models = _measured("models", lambda s, night: plan.models(s.engine, night))
commands = _cached("commands", lambda s, plan_id: plan.commands(s.engine, plan_id))
writes = _cached("writes", lambda s, plan_id: writes_view.writes(s.engine, s.city, commands(plan_id)))
approval = _cached("approval", lambda s, plan_id: plan.approval(s.engine, plan_id))
drawing = _measured("drawing", lambda s: water.drawing(s.city))
water_layers = _measured("water_layers", lambda s: water_map.layers(s.city))
gauges = _measured("gauges", lambda s: water_map.gauges(s.city, board()))
night_flows = _cached("night_flows", lambda s: water_map.night_flows(s.engine))
quality_signals = _measured("quality_signals", lambda _s: water_map.quality_signals(board()))
quality_events = _cached("quality_events", lambda s: water_quality.listed(s.engine)[:200])
leaks = _cached("leaks", lambda s: water.leaks(s.engine, s.city, now().now_utc))
sensor_faults = _cached("sensor_faults", lambda s: water.faults(s.engine))
valves = _cached("valves", lambda s: water.valves(s.engine, s.city))
loss_months = _cached("loss_months", lambda s: losses.months(s.engine))
balances = _cached("balances", lambda s: water.balances(s.engine))
head = _cached("head", lambda s: books.head(s.engine))
sums = _of_ledger("sums", lambda s: books.sums(s.engine, s.city))
glance = _of_ledger("glance", lambda s: carbon.glance(s.engine, s.city))
chain = _of_ledger("chain", lambda s: carbon.chain(s.engine, s.city))
closed = _of_ledger("closed", lambda s: carbon.closed(s.engine, s.city))
ledger_periods = _of_ledger("ledger_periods", lambda s: carbon.periods(s.engine))
compared = _of_ledger("compared", lambda s: carbon.compared(s.engine))
why = _of_ledger("why", lambda s, first, last: carbon.why(s.engine, s.city, first, last, now().now_utc))
scope2 = _of_ledger("scope2", lambda s, year: carbon.scope2(s.engine, s.city, year))
judged = _of_ledger("judged", lambda s: carbon.judged(s.engine, s.city, now().now_utc))
explained = _of_ledger("explained", lambda s, cell: carbon.explained(s.city.environment, cell))
entries = _cached("entries", lambda s, account: books.entries(s.engine, s.city, account))
standings = _cached("standings", lambda s: books.standings(s.engine, s.city, now()))
statements = _cached("statements", lambda s: books.statements(s.city))
course = _cached("course", lambda s, point, span="week", until=None: series.course(s.engine, s.city, now(), point, span, until))
online = _measured("online", lambda s: online_view.online(s.engine, now().now_utc))
devices = _measured("devices", lambda s: online_view.devices(s.engine, s.city, now().now_utc), SLOW_TTL_S)
vee_queue = _cached("vee_queue", lambda s: validation.queue(s.engine, s.city))
vee_waiting = _cached("vee_waiting", lambda s: validation.waiting(s.engine))
vee_course = _cached("vee_course", lambda s, point, start, end: validation.course(s.engine, s.city, point, start, end))
causes = _cached("causes", lambda s: series.causes(s.engine), MINUTE_S)
nights = _measured("nights", lambda s: history.nights(s.engine, s.city))
steps = _measured("steps", lambda s, night: history.steps(s.engine, s.city, night))
recent = _measured("recent", lambda s: history.recent(s.engine))
audit_lines = _cached("audit_lines", lambda s, asked, limit, offset: audit_view.lines(s.engine, asked, limit, offset))
audit_count = _cached("audit_count", lambda s, asked: audit_listing.count(s.engine, asked))
audit_choices = _cached("audit_choices", lambda s: audit_listing.choices(s.engine), SLOW_TTL_S)
audit_chain = _cached("audit_chain", lambda s: audit_view.chain(s.engine, s.city), MINUTE_S)
levels = _measured("levels", lambda s: levels_view.of_city(s.engine, s.city, now().now_utc), MINUTE_S)
machines = _cached("machines", lambda s: history.machines(s.engine))
read_by = _cached("read_by", lambda s: history.read_by(s.engine, s.city))
requests = _cached("requests", lambda s: history.requests(s.engine))
holds = _cached("holds", lambda s: history.holds(s.engine, now().now_utc))
events = _cached("events", lambda s: known_events.listed(s.engine, now().now_utc))
event_changes = _cached("event_changes", lambda s: known_events.changes(s.engine, now().night))
cases = _cached("cases", lambda s, days: cases_store.listed(s.engine, s.city.settings.cases, since_utc=now().now_utc - days * DAY))
case_figures = _cached("case_figures", lambda _s, days: figures_of_cases(cases(days), now().now_utc), ttl_s=SLOW_TTL_S)
shift_since = _cached("shift_since", lambda s, name: shift_changes.since_utc(s.engine, s.city, now().now_utc, name))
shift_changed = _cached("shift_changed", lambda s, name: shift_changes.since_last(s.engine, s.city, now().now_utc, name))
shift_notes = _cached("shift_notes", lambda s, days: shift_log.notes(s.engine, now().now_utc - days * DAY, now().now_utc))
hand_overs = _cached("hand_overs", lambda s: shift_log.hand_overs(s.engine))
settings = _measured("settings", lambda s: history.settings(s.city), SLOW_TTL_S)
grid_diagram = _measured("grid_diagram", lambda s: grid_view.diagram(s.city))
grid_state = _cached("grid_state", lambda s: grid_view.state(s.engine, s.city, now().now_utc))
grid_losses = _cached("grid_losses", lambda s: grid_view.losses(s.engine))
grid_risks = _cached("grid_risks", lambda s: grid_view.risks(s.engine))
grid_outages = _cached("grid_outages", lambda s: grid_view.outages(s.engine))
districts = _cached("districts", lambda s, subject: districts_of(s.city, subject))
plan_districts = _cached("plan_districts", lambda s, plan_id: districts_of_plan(s.engine, s.city, plan_id))
grid_proposals = _cached("grid_proposals", lambda s, outage_id: grid_view.proposals(s.engine, outage_id))
