"""A scheduler somewhere else as one more way to work through keys. What its workers do not answer, this process does itself."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import structlog
from sqlalchemy import Engine

from city.problems import fault
from service.cluster import addresses, alike
from service.environment import Environment
from service.settings import LoadedCity

log = structlog.get_logger()
FOUND_WITHIN_S = 20.0  # a scheduler that does not answer, or has no worker, is done without after this
LOOKED_EVERY_S = 2.0  # how soon it is seen that no worker is left
Each = Callable[[Callable[[Any], Any], Sequence[Any]], list[Any]]


def require_shared(engine: Engine, address: str) -> None:
    """Raises `PenstockError` when workers on other machines could not read the store."""
    if engine.dialect.name != "postgresql":
        raise fault(
            f"night.workers {address}", "with SQLite, which one machine reads", "PostgreSQL", "Set PENSTOCK_DATABASE_URL, or workers = 1."
        )


@contextmanager
def connected(city: LoadedCity, engine: Engine, address: str) -> Iterator[Each]:
    """`each(work, keys)` on the alike workers of a scheduler; in this process when there is none, or none is left.

    A worker that is lost costs its tasks, which another does again (Dask). A scheduler that is lost costs what was not yet answered.
    Raises `PenstockError` for a store that cannot be shared and for missing certificates.
    """
    from dask.distributed import Client

    require_shared(engine, address)
    environment = city.environment
    try:
        client = Client(
            address, timeout=FOUND_WITHIN_S, security=addresses.security(environment, address), set_as_default=False, name="penstock-night"
        )
    except (OSError, TimeoutError) as error:
        log.warning("no scheduler; this process works alone", address=address, cause=type(error).__name__)
        yield _here
        return
    try:
        workers = _alike(client, alike.portrait(city.config_hash, engine))
        yield (lambda work, keys: _shared(client, workers, work, keys)) if workers else _here
    finally:
        with suppress(Exception):
            client.close(timeout=5)


def _here(work: Callable[[Any], Any], keys: Sequence[Any]) -> list[Any]:
    return [work(key) for key in keys]


def _alike(client: Any, mine: dict[str, str]) -> list[str]:
    """Addresses of the workers that give the same bits; each other one is named in the log with what differs."""
    try:
        client.wait_for_workers(1, timeout=FOUND_WITHIN_S)
        found = client.run(alike.portrait_here, on_error="return")
    except (OSError, TimeoutError) as error:
        log.warning("a scheduler without workers; this process works alone", cause=type(error).__name__)
        return []
    told = {address: alike.unlike(mine, its) for address, its in found.items()}
    for address, differs in told.items():
        if differs:
            log.warning("a worker is left out: it might give other bits", worker=address, differs=differs)
    return sorted(address for address, differs in told.items() if not differs)


def _shared(client: Any, workers: Sequence[str], work: Callable[[Any], Any], keys: Sequence[Any]) -> list[Any]:
    """Answers in the order of the keys. An error that `work` raises is raised here, whoever worked."""
    from dask.distributed import CancelledError, wait

    try:
        futures = client.map(work, keys, pure=False, workers=list(workers), allow_other_workers=False)
        waiting = list(futures)
        while waiting:
            with suppress(TimeoutError), client.as_current():
                wait(waiting, timeout=LOOKED_EVERY_S)
            waiting = [future for future in waiting if not future.done()]
            if waiting and not _left(client, workers):
                log.warning("no worker is left; this process does the rest", tasks=len(waiting))
                break
        told = _gathered(client, futures)
    except (OSError, RuntimeError, CancelledError) as error:
        log.warning("the scheduler is gone; this process does the rest", cause=type(error).__name__)
        told = {}
    return [told[i] if i in told else work(key) for i, key in enumerate(keys)]


def _left(client: Any, workers: Sequence[str]) -> bool:
    if client.status != "running":
        raise ConnectionError("closed")
    return bool(set(client.scheduler_info(n_workers=-1)["workers"]) & set(workers))


def _gathered(client: Any, futures: Sequence[Any]) -> dict[int, Any]:
    """{place: answer} of what is finished; what a lost worker took with it or ended several workers is left out, to be done here."""
    from dask.distributed import CancelledError
    from distributed.scheduler import KilledWorker

    found = {}
    for i, future in enumerate(futures):
        if future.status == "finished":
            with suppress(CancelledError, KeyError):
                found[i] = future.result(timeout=600)
        elif future.status == "error":
            error = future.exception(timeout=60)
            if not isinstance(error, KilledWorker):
                raise error
    client.cancel(list(futures), force=True)
    return found


def workers_of(environment: Environment, address: str) -> list[str]:
    """Addresses of all workers that a scheduler has now. Raises `PenstockError` when it does not answer."""
    from dask.distributed import Client

    try:
        with Client(address, timeout=5, security=addresses.security(environment, address), set_as_default=False) as client:
            return sorted(client.scheduler_info(n_workers=-1)["workers"])
    except (OSError, TimeoutError) as error:
        raise fault(
            f"scheduler {address}", f"does not answer ({type(error).__name__})", "a running `penstock cluster scheduler`", "Start it."
        ) from None
