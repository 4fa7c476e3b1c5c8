"""Make `penstock-sans-sc.ttf`, the embedded font, from Noto Sans CJK SC: `python -m carbon.statements.fonts.make`.

A subset of Noto Sans CJK SC 2.004 (Adobe and Google, SIL Open Font License 1.1): GB 2312 levels 1 and 2, Latin, Greek and
the symbols that statements use. Its cubic outlines are approximated by quadratic ones, because that is what a PDF writer
embeds, and it carries another name, because it is a modified version ("Source" is a reserved font name, "Noto" a trademark).
The same function makes, while a statement is written, the few glyphs that a city's own names need and the subset lacks.
"""

from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

SYSTEM_FONTS = (
    Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"),
    Path("/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc"),
    Path("/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc"),
)
SHIPPED = Path(__file__).with_name("penstock-sans-sc.ttf")
_FACE = 2  # simplified Chinese, in the collection
_THIN = 150  # width of the thin space [1/1000 em]
_ERROR = 1.5  # largest distance between the cubic and the quadratic outline [1/1000 em]
_KEPT_NAMES = (0, 7, 8, 13, 14)
_TABLES_DROPPED = ["VORG", "GSUB", "GPOS", "GDEF", "BASE", "vhea", "vmtx", "DSIG"]


def gb2312() -> str:
    """The 6,763 characters of GB 2312, levels 1 and 2, with its rows of symbols, Greek letters and pinyin."""
    rows = [*range(1, 4), 6, 8, *range(16, 88)]
    cells = (bytes([0xA0 + row, 0xA0 + cell]).decode("gb2312", errors="ignore") for row in rows for cell in range(1, 95))
    return "".join(cells)


def characters() -> str:
    """What the shipped subset covers: ASCII, Latin-1, Greek, GB 2312 and a few technical symbols."""
    latin = [*range(0x20, 0x7F), *range(0xA0, 0x100)]
    symbols = "–—‘’“”…‰²³€£¥←↑→↓≈≠≤≥±×÷·√∑−■□▲△▼●○◆"
    return "".join(sorted({*map(chr, latin), *gb2312(), *symbols}))


def truetype(wanted: Iterable[str], source: Path, name: str = "Penstock Sans SC") -> bytes:
    """A TrueType font of the characters of `wanted` that `source` has, as bytes; the same input gives the same bytes.

    `source` is the collection Noto Sans CJK (CFF outlines, 1000 units per em).
    """
    from fontTools import subset
    from fontTools.ttLib import TTCollection

    font = TTCollection(str(source)).fonts[_FACE]
    options = subset.Options(layout_features=[], name_IDs=list(_KEPT_NAMES), hinting=False, notdef_outline=True, glyph_names=False)
    options.drop_tables += _TABLES_DROPPED
    options.recalc_timestamp = False
    chosen = subset.Subsetter(options)
    chosen.populate(text="".join(wanted))
    chosen.subset(font)
    _add_thin_space(font)
    _to_quadratic(font)
    _rename(font, name)
    made = BytesIO()
    font.recalcTimestamp = False
    font.save(made)
    return made.getvalue()


def _add_thin_space(font: Any) -> None:
    """Let U+202F, the separator of thousands, be a space of its own width: the original has none."""
    if " " not in map(chr, font.getBestCmap()):
        return
    space, order = font.getBestCmap()[0x20], font.getGlyphOrder()
    outlines = font["CFF "].cff.topDictIndex[0].CharStrings
    outlines.charStringsIndex.append(outlines[space])
    outlines.charStrings["thinspace"] = len(outlines.charStringsIndex) - 1
    font.setGlyphOrder([*order, "thinspace"])
    font["hmtx"]["thinspace"] = (_THIN, 0)
    for part in font["cmap"].tables:
        if part.isUnicode():
            part.cmap[0x202F] = "thinspace"


def _to_quadratic(font: Any) -> None:
    """Replace cubic CFF outlines by quadratic ones (Cu2Qu) in a `glyf` table."""
    from fontTools.pens.cu2quPen import Cu2QuPen
    from fontTools.pens.ttGlyphPen import TTGlyphPen
    from fontTools.ttLib import newTable

    outlines, order = font.getGlyphSet(), font.getGlyphOrder()
    glyphs = {}
    for glyph in order:
        pen = TTGlyphPen(None)
        outlines[glyph].draw(Cu2QuPen(pen, _ERROR, reverse_direction=True))
        glyphs[glyph] = pen.glyph()
    font["loca"], font["glyf"] = newTable("loca"), newTable("glyf")
    font["glyf"].glyphOrder, font["glyf"].glyphs = order, glyphs
    for glyph in order:
        glyphs[glyph].recalcBounds(font["glyf"])
        font["hmtx"][glyph] = (font["hmtx"][glyph][0], getattr(glyphs[glyph], "xMin", 0))
    del font["CFF "]
    font.sfntVersion = "\x00\x01\x00\x00"
    head, largest = font["maxp"], newTable("maxp")
    largest.tableVersion, largest.numGlyphs = 0x00010000, head.numGlyphs
    for field in ("Zones", "TwilightPoints", "Storage", "FunctionDefs", "InstructionDefs", "StackElements", "SizeOfInstructions"):
        setattr(largest, f"max{field}", 0)
    largest.maxZones = 1
    largest.maxComponentElements = largest.maxComponentDepth = 0
    font["maxp"] = largest
    font["post"].formatType, font["post"].extraNames, font["post"].mapping = 3.0, [], {}
    font["head"].glyphDataFormat = 0


def _rename(font: Any, name: str) -> None:
    """Names of a modified version: its own, with the copyright and licence lines of the original kept."""
    compact = name.replace(" ", "")
    table = font["name"]
    table.names = [record for record in table.names if record.nameID in _KEPT_NAMES]
    for identifier, text in ((1, name), (2, "Regular"), (3, f"{compact};2.004"), (4, name), (5, "Version 2.004"), (6, compact)):
        table.setName(text, identifier, 3, 1, 0x409)


if __name__ == "__main__":
    SHIPPED.write_bytes(truetype(characters(), next(path for path in SYSTEM_FONTS if path.exists())))
