"""One night on several machines: a Dask scheduler, workers in processes of their own, PostgreSQL as the store they share."""

from service.environment import Environment


class _Own:
    """The environment of a worker of a cluster, set once when its process starts: it opens its own city file and database."""

    def __init__(self) -> None:
        self._environment: Environment | None = None

    def set(self, environment: Environment) -> None:
        self._environment = environment

    def get(self) -> Environment | None:
        return self._environment


own = _Own()
