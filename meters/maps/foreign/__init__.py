"""Register maps of other tools, read into ours. What cannot be carried over is told, sentence by sentence; nothing is dropped in silence.

A tool is one module with `read(text) -> Imported`, and one word in `TOOLS`.
"""

from collections.abc import Callable
from pathlib import Path

from city.problems import fault
from meters.maps.foreign import homeassistant, myems, telegraf, thingsboard
from meters.maps.foreign.found import Imported
from meters.maps.foreign.written import Written, written

__all__ = ["TOOLS", "Imported", "Written", "import_map"]

TOOLS: dict[str, Callable[[str], Imported]] = {
    "homeassistant": homeassistant.read,
    "myems": myems.read,
    "telegraf": telegraf.read,
    "thingsboard": thingsboard.read,
}
_MOST_BYTES = 10_000_000
_MOST_REGISTERS = 10_000


def import_map(tool: str, path: Path) -> Written:
    """The map of `tool` in the file `path`, as TOML of ours.

    Raises `PenstockError`: unknown tool, no such file, too large, not UTF-8, or nothing in it that the tool would read.
    """
    if tool not in TOOLS:
        raise fault(f"tool '{tool}'", "not known", ", ".join(TOOLS), "Name one of them.")
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise fault(str(path), f"{path.stat().st_size:,} bytes", "10 MB", "A register map is smaller than that.")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise fault(str(path), str(error), "a text file in UTF-8", "Check the path.") from None
    try:
        found = TOOLS[tool](text)
        if (count := sum(len(device.registers) for device in found.devices)) > _MOST_REGISTERS:
            raise fault(str(path), f"{count:,} registers", f"at most {_MOST_REGISTERS:,}", "Split the file.")
        return written(found)
    except (RecursionError, ValueError):  # brackets without end, numbers of thousands of digits
        raise fault(str(path), "deeper brackets or longer numbers than can be read", "a register map", "Check the file.") from None
