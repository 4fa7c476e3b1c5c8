"""HTML out of templates: whatever is put into one is escaped, unless it is HTML that was made here."""

from collections.abc import Iterable
from html import escape


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def html(template: str, **values: object) -> Html:
    """The template with its `{names}` filled in; every value that is not `Html` is escaped, quotes too."""
    return Html(template.format_map({key: value if isinstance(value, Html) else escape(str(value)) for key, value in values.items()}))


def joined(parts: Iterable[Html]) -> Html:
    return Html("".join(parts))
