"""One loop, three sizes: a plain loop, processes of this machine, or a Dask scheduler somewhere else - with the same code."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import Engine

from service.settings import LoadedCity

Key = TypeVar("Key")
Answer = TypeVar("Answer")
Each = Callable[[Callable[[Any], Any], Sequence[Any]], list[Any]]


def fanout(work: Callable[[Key], Answer], keys: Sequence[Key], workers: int = 1) -> list[Answer]:
    """`[work(key) for key in keys]`, in that order, by a plain loop or by so many processes of this machine (Dask LocalCluster).

    `work` must be importable and take keys, not data: each process opens the store itself.
    """
    with kept(1 if len(keys) <= 1 else workers) as each:
        return each(work, keys)


def spread(work: Callable[[Key], Answer], keys: Sequence[Key], city: LoadedCity, engine: Engine) -> list[Answer]:
    """A `fanout` as [night] workers says: also on a scheduler, whose workers open their own city file and the same PostgreSQL."""
    workers = city.settings.night.workers
    if isinstance(workers, int) or not keys:
        return fanout(work, keys, workers if isinstance(workers, int) else 1)
    from service.cluster.connecting import connected

    with connected(city, engine, workers) as each:
        return each(work, keys)


@contextmanager
def kept(workers: int = 1) -> Iterator[Each]:
    """A `fanout` for work in rounds: the same processes answer every call of `each(work, keys)`."""
    if workers == 1:
        yield lambda work, keys: [work(key) for key in keys]
        return
    from dask.distributed import Client, LocalCluster

    def each(work: Callable[[Key], Answer], keys: Sequence[Key]) -> list[Answer]:
        return client.gather(client.map(work, keys, pure=False))

    cluster = LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1")
    with cluster, Client(cluster) as client:
        yield each
