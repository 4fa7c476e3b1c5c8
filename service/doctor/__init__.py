"""`penstock doctor`: checks what the service depends on, and says of each fault what was seen, what is allowed and what to do."""

from service.doctor.examining import examine

__all__ = ["examine"]
