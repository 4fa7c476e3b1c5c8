"""`penstock cluster scheduler` and `penstock cluster worker`: Dask's own, with our certificates, no dashboard and no open door."""

import asyncio
import os
import signal
import socket
from typing import Any

import typer

from city.problems import fault
from service.cluster import addresses, own
from service.environment import Environment

GIVEN_UP_S = 60.0  # a worker whose scheduler is gone for so long ends, for systemd to start it again


def schedule(environment: Environment, host: str, port: int) -> None:
    """Run a scheduler until stopped: tcp on the loopback address, TLS with certificates of both sides anywhere else."""
    address = f"{'tcp' if addresses.loopback(host) and environment.cluster_ca is None else 'tls'}://{host}:{port}"
    asyncio.run(_scheduled(address, addresses.security(environment, address)))


def _without_pages() -> None:
    """Dask's pages tell tasks and let nobody sign in: none is served."""
    import dask

    dask.config.set({"distributed.scheduler.http.routes": [], "distributed.worker.http.routes": []})


async def _scheduled(address: str, security: Any) -> None:
    from distributed import Scheduler

    _without_pages()
    protocol, _, rest = address.partition("://")
    host, _, port = rest.rpartition(":")
    try:
        scheduler = Scheduler(host=host, port=int(port), protocol=protocol, security=security, dashboard=False, dashboard_address=None)
        async with scheduler:
            typer.echo(f"scheduler on {scheduler.address}")
            await _stopped(scheduler)
    except OSError as error:
        raise fault(address, error.strerror or str(error), "a free port of this machine", "Give another --port.") from None


def serve(environment: Environment, address: str) -> bool:
    """Work for a scheduler until stopped, one task at a time. Returns False when the scheduler was gone for a minute.

    Raises `PenstockError` for an address in the clear, and for a city or a database that this worker cannot open.
    """
    from service.cluster.connecting import require_shared
    from service.settings import load
    from service.store import open_store

    try:
        addresses.checked(address)
    except ValueError as error:
        raise fault("scheduler", str(error), "tls://host:port", "Correct the address.") from None
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before anything computes: libraries read it when they are loaded
    load(environment)
    require_shared(open_store(environment.url), address)
    own.set(environment)
    return asyncio.run(_worked(address, addresses.security(environment, address), environment))


async def _worked(address: str, security: Any, environment: Environment) -> bool:
    from distributed import Worker

    _without_pages()
    folder = environment.folder / "worker"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        worker = Worker(
            address,
            nthreads=1,
            security=security,
            name=f"{socket.gethostname()}-{os.getpid()}",
            dashboard=False,
            dashboard_address=None,
            death_timeout=GIVEN_UP_S,
            local_directory=str(folder),
        )
        async with worker:
            typer.echo(f"worker {worker.address} for {address}")
            return await _stopped(worker)
    except (OSError, TimeoutError) as error:
        raise fault(
            f"scheduler {address}", f"does not answer ({type(error).__name__})", "a running `penstock cluster scheduler`", "Start it."
        ) from None


async def _stopped(server: Any) -> bool:
    """Wait for Ctrl-C, SIGTERM (True) or for the server's own end (False)."""
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    ended = asyncio.ensure_future(server.finished())
    asked = asyncio.ensure_future(told.wait())
    await asyncio.wait({ended, asked}, return_when=asyncio.FIRST_COMPLETED)
    for task in (ended, asked):
        task.cancel()
    return told.is_set()
