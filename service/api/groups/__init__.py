"""The operations, a file per group."""

from service.api.groups import city, forecasts, operations, plans, readings, statements, targets
from service.api.operation import Operation

OPERATIONS: tuple[Operation, ...] = (
    *city.OPERATIONS,
    *readings.OPERATIONS,
    *forecasts.OPERATIONS,
    *plans.OPERATIONS,
    *statements.OPERATIONS,
    *targets.OPERATIONS,
    *operations.OPERATIONS,
)
