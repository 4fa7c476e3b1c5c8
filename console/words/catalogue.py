"""Stored English sentences in the session's language: each template is the key of its translation, as a message id is in gettext.

The store keeps one sentence with its numbers in it, whatever language its reader has. A catalogue matches it against its template,
takes the facts out, and says them in the other language. What matches no template is shown as it was stored.

Reference: GNU gettext, message catalogues keyed by the source text.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from console.words import language


@dataclass(frozen=True)
class Catalogue:
    """`templates`: English with {facts} -> Chinese with the same; `inside`: how a fact is said in turn, itself where not named."""

    templates: Mapping[str, str]
    inside: Mapping[str, Callable[[str], str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        made = [(re.compile(_pattern(english), re.DOTALL), chinese) for english, chinese in self.templates.items()]
        object.__setattr__(self, "_made", made)

    def chinese(self, sentence: str) -> str | None:
        """The sentence in Chinese; None where no template fits."""
        for pattern, template in self._made:  # type: ignore[attr-defined]
            if found := pattern.fullmatch(sentence):
                facts = {name: self.inside[name](text) if name in self.inside else text for name, text in found.groupdict().items()}
                return template.format(**facts)
        return None

    def told(self, sentence: str) -> str:
        """The sentence in the session's language."""
        return (self.chinese(sentence) or sentence) if language() == "zh" else sentence


def _pattern(english: str) -> str:
    parts = re.split(r"{(\w+)}", english)
    return "".join(re.escape(part) if i % 2 == 0 else f"(?P<{part}>.+?)" for i, part in enumerate(parts))
