"""Python's struct letters, with which two of the tools write number formats."""

from city.problems import fault

_KIND = {"h": "i16", "H": "u16", "i": "i32", "I": "u32", "l": "i32", "L": "u32", "q": "i64", "Q": "u64", "e": "f16", "f": "f32", "d": "f64"}


def kind_of(text: str, registers: int | None) -> tuple[str, str]:
    """Our number format, and '>' (most significant byte first) or '<'.

    Parameters
    ----------
    registers : how many are read, None when the format tells

    Raises `PenstockError` for several numbers, other letters, another length, and formats in the order of the machine that reads them.
    """
    stripped = text.replace(" ", "")
    order, letters = (stripped[0], stripped[1:]) if stripped[:1] in tuple("@=<>!") else ("@", stripped)
    letters = letters.removeprefix("1")
    if letters not in _KIND:
        raise fault("format", repr(text), "one number: h H i I l L q Q e f d", "Split it into registers of one number each.")
    kind = _KIND[letters]
    if order in "@=":
        raise fault("format", f"{text!r} means the order of the machine that reads it", "> or < in front", "Write the order.")
    if registers is not None and registers * 16 != int(kind[1:]):
        raise fault("format", f"{text!r} with {registers} registers", f"{int(kind[1:]) // 16} registers", "Correct one of them.")
    return kind, "<" if order == "<" else ">"
