"""One loop, three sizes: a plain loop, processes of this machine, or a Dask scheduler somewhere else - with the same code."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

Key = TypeVar("Key")
Answer = TypeVar("Answer")


def fanout(work: Callable[[Key], Answer], keys: Sequence[Key], workers: int | str = 1) -> list[Answer]:
    """`[work(key) for key in keys]`, in that order.

    `workers` is 1 for a plain loop, a number for that many processes (Dask LocalCluster), or the address of a Dask
    scheduler. `work` must be importable and take keys, not data: each process opens the store itself.
    """
    with kept(1 if len(keys) <= 1 else workers) as each:
        return each(work, keys)


@contextmanager
def kept(workers: int | str = 1) -> Iterator[Callable[[Callable[[Any], Any], Sequence[Any]], list[Any]]]:
    """A `fanout` for work in rounds: the same processes answer every call of `each(work, keys)`."""
    if workers == 1:
        yield lambda work, keys: [work(key) for key in keys]
        return
    from dask.distributed import Client, LocalCluster

    def each(work: Callable[[Key], Answer], keys: Sequence[Key]) -> list[Answer]:
        return client.gather(client.map(work, keys, pure=False))

    if isinstance(workers, str):
        with Client(workers) as client:
            yield each
        return
    cluster = LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1")
    with cluster, Client(cluster) as client:
        yield each
