"""The typeface of PDF statements: the shipped subset, system fonts for what it lacks, and never an empty box."""

import unicodedata
from collections.abc import Iterable
from functools import cache
from io import BytesIO
from itertools import groupby
from pathlib import Path
from xml.sax.saxutils import escape

from carbon.statements.fonts import make
from city.problems import fault

FONT = "PenstockSans"
_MORE_HAN, _MORE_LATIN = "PenstockSansMore", "DejaVuSans"
_DEJAVU = (Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"), Path("/usr/share/fonts/TTF/DejaVuSans.ttf"))


def clean(text: str) -> str:
    """Text as it can be printed: white space as a space, other control and format characters by their number."""
    return "".join(_seen(letter) for letter in unicodedata.normalize("NFC", text))


def _seen(letter: str) -> str:
    if letter.isspace() and letter != "\u202f":
        return " "
    return f"[U+{ord(letter):04X}]" if unicodedata.category(letter)[0] == "C" else letter


@cache
def _register(name: str, path: Path | None = None, content: bytes = b"") -> frozenset[int]:
    """Register a TrueType font from a file or bytes; the code points it has."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    font = TTFont(name, str(path) if path else BytesIO(content))
    pdfmetrics.registerFont(font)
    return frozenset(font.face.charToGlyph)


class Typeface:
    """Which font draws which character of one document.

    Made from all of its text, so that a character without a glyph is found before anything is written. Raises
    `PenstockError` naming the characters that neither the shipped font nor a font of the system has.
    """

    def __init__(self, texts: Iterable[str], system: Iterable[Path] = make.SYSTEM_FONTS, latin: Iterable[Path] = _DEJAVU) -> None:
        lacking = {*map(ord, "".join(map(clean, texts)))} - _register(FONT, make.SHIPPED)
        self._fonts: dict[int, str] = {}
        for path in (path for path in system if lacking and path.exists()):
            lacking -= self._take(lacking, _MORE_HAN, path)
        for path in (path for path in latin if lacking and path.exists()):
            found = lacking & _register(_MORE_LATIN, path)
            self._fonts |= dict.fromkeys(found, _MORE_LATIN)
            lacking -= found
        if lacking:
            names = ", ".join(f"'{chr(code)}' (U+{code:04X})" for code in sorted(lacking)[:10])
            remedy = "Install the package fonts-noto-cjk or fonts-dejavu-core, or write CSV, XLSX or JSON."
            raise fault("PDF statement", f"no glyph for {names}", "characters that an installed font has", remedy)

    def _take(self, lacking: set[int], name: str, path: Path) -> set[int]:
        """Make the glyphs of `lacking` that the collection at `path` has, under a name of their own."""
        from fontTools.ttLib import TTCollection

        there = lacking & set(TTCollection(str(path)).fonts[2].getBestCmap())
        if there:
            letters = "".join(map(chr, sorted(there)))
            name += "".join(f"{code:x}" for code in sorted(there))[:60]
            _register(name, content=make.truetype(letters, path, name="Penstock Sans More"))
            self._fonts |= dict.fromkeys(there, name)
        return there

    def runs(self, text: str) -> list[tuple[str, str]]:
        """(font, text) pairs of a cleaned text, in order."""
        pairs = [(self._fonts.get(ord(letter), FONT), letter) for letter in clean(text)]
        return [(font, "".join(letter for _, letter in part)) for font, part in groupby(pairs, key=lambda pair: pair[0])]

    def markup(self, text: str) -> str:
        """The text for a paragraph: escaped, other fonts tagged."""
        return "".join(escape(part) if font == FONT else f'<font name="{font}">{escape(part)}</font>' for font, part in self.runs(text))

    def width(self, text: str, size: float) -> float:
        """Width of a text [pt] at `size` [pt]."""
        from reportlab.pdfbase.pdfmetrics import stringWidth

        return sum(stringWidth(part, font, size) for font, part in self.runs(text))
