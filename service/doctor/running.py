"""How the service runs: leases, the scheduler of a cluster, who is told, and whether a backup is there."""

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import func, select

from city.problems import PenstockError, Problem, fault
from service import keeping, lease
from service import schema as t
from service.doctor.check import Check, Patient
from service.settings import LoadedCity

UNSAVED = timedelta(days=7)  # a city that has run for so long has something to lose


def checks(patient: Patient) -> Iterator[Check]:
    city = patient.city
    if city is None or patient.station:
        return
    yield Check("lease", lambda: leases(patient))
    yield Check("backup", lambda: backup(patient))
    if city.settings.notify:
        yield Check("notices", lambda: notices(city, patient))
    if isinstance(city.settings.night.workers, str):
        yield Check("cluster", lambda: cluster(city, patient), slow=True)


def leases(patient: Patient) -> str:
    """None is held by a process that is gone."""
    with patient.engine.connect() as connection:
        rows = connection.execute(select(t.lease).where(t.lease.c.holder != "")).all()
    problems = []
    for row in rows:
        over = row.until_utc <= patient.now_utc
        if over or lease.gone(row.holder):
            observed = (
                f"held by {lease.told(row.holder)}, which {'did not renew it' if over else 'is gone'} ({row.until_utc:%Y-%m-%d %H:%M} UTC)"
            )
            remedy = f"See in its log why it died; the next {row.name} takes the lease over by itself."
            problems.append(Problem(f"lease {row.name}", observed, "a holder that lives, or none", remedy))
    if problems:
        raise PenstockError(problems)
    return "; ".join(f"{row.name} held by {lease.told(row.holder)}" for row in rows) or "none held"


def backup(patient: Patient) -> str:
    """There is one, and it is not too old."""
    newest = keeping.age(patient.env, patient.now_utc)
    if newest is None:
        with patient.engine.connect() as connection:
            first = connection.execute(select(func.min(t.run.c.started_utc))).scalar()
        if first is not None and patient.now_utc - first > UNSAVED:
            observed, allowed = f"none; the city has run since {first:%Y-%m-%d}", "one a day"
            raise fault("backup", observed, allowed, "Run `penstock backup` from a timer, to another machine's disk ([backup] into).")
        return "none yet; `penstock backup` makes one"
    if newest.old:
        raise fault("backup", newest.told, "one a day", "See why the timer of `penstock backup` does not end.")
    return newest.told


def notices(city: LoadedCity, patient: Patient) -> str:
    """Each channel has what it needs to deliver, and nothing was given up. Nothing is sent: `penstock notices test` does that."""
    from service.notices import delivering, line, outbox
    from service.notices.settings import Email

    secrets, problems = delivering.secrets(patient.env), list[Problem]()
    for channel in city.settings.notify:
        try:
            line.context(channel, city.beside)
        except PenstockError as error:
            problems += error.problems
        if not secrets.get(channel.id) and (not isinstance(channel, Email) or channel.user):
            remedy = f'Add "{channel.id}": "..." to PENSTOCK_NOTIFY_SECRETS.'
            problems.append(Problem(f"notify {channel.id}", "no secret", "the secret that the other side asks for", remedy))
    lost = outbox.given_up(patient.engine)
    if lost:
        observed = f"{len(lost)} notices were given up, the newest over {lost[0].channel}: {lost[0].error}"
        problems.append(Problem("notices", observed, "each delivered", "Mend the channel; `penstock notices retry` sends them again."))
    if problems:
        raise PenstockError(problems)
    return f"{len(city.settings.notify)} channels, nothing given up"


def cluster(city: LoadedCity, patient: Patient) -> str:
    """The scheduler answers and has workers."""
    from service.cluster.connecting import workers_of

    address = str(city.settings.night.workers)
    workers = workers_of(patient.env, address)
    if not workers:
        raise fault(f"scheduler {address}", "no worker", "one or more", "Start `penstock cluster worker` on the machines.")
    return f"{address} answers, {len(workers)} workers"
