"""The net under each part of a page: whatever goes wrong is told in sentences, and nobody sees a traceback."""

import logging
import secrets
import traceback
from collections.abc import Callable
from typing import TypeVar

from city.problems import PenstockError
from console import look
from console.words import say
from service.redaction import redacted

R = TypeVar("R")
log = logging.getLogger("console")


def guarded(content: Callable[[], object]) -> None:
    """Run a part of the page; what goes wrong is told in sentences, what was not foreseen in one, with a number to look up."""
    try:
        content()
    except PenstockError as error:
        for problem in error.problems:
            look.banner(f"{say('failed')} {problem}", 1)
    except Exception as error:
        if type(error).__module__.startswith("streamlit"):
            raise  # Streamlit stops and reruns a script by raising
        number = secrets.token_hex(3)
        log.error("page failed, number %s\n%s", number, redacted("".join(traceback.format_exception(error))))
        look.banner(say("unexpected", number=number), 1)


def checked(make: Callable[[], R]) -> R | None:
    """What `make` makes of a form; None, and its sentences, while what is typed in makes none."""
    try:
        return make()
    except PenstockError as error:
        for problem in error.problems:
            look.banner(str(problem), 3)
        return None
