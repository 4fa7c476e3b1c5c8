"""The text of an EPANET INP file, read so that a fault in one line costs that line and not the file.

wntr's reader keeps the last of two equal ids without a word, stops at the first line it cannot read, and knows UTF-8 only. Here
every line is looked at before: what cannot stand is blanked (line numbers stay) and told as a finding.

References: Rossman et al. (2020). EPANET 2.2 User Manual, EPA/600/R-20/133, Appendix C (the file format).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from networks.findings import Finding

NODES, LINKS = ("JUNCTIONS", "RESERVOIRS", "TANKS"), ("PIPES", "PUMPS", "VALVES")
# Per section: words that a line needs, and which of them are numbers.
_SHAPE = {
    "JUNCTIONS": (2, (1, 2)),
    "RESERVOIRS": (2, (1,)),
    "TANKS": (6, (1, 2, 3, 4, 5)),
    "PIPES": (6, (3, 4, 5)),
    "PUMPS": (5, ()),
    "VALVES": (6, (3,)),
    "COORDINATES": (3, (1, 2)),
    "VERTICES": (3, (1, 2)),
    "DEMANDS": (2, (1,)),
    "EMITTERS": (2, (1,)),
    "PATTERNS": (2, (1,)),
    "CURVES": (3, (1, 2)),
    "STATUS": (2, ()),
}
_OF_NODES, _OF_LINKS = ("COORDINATES", "DEMANDS", "EMITTERS", "QUALITY", "SOURCES", "MIXING"), ("VERTICES", "STATUS")
_OTHERS = ("TITLE", "TIMES", "OPTIONS", "CONTROLS", "RULES", "ENERGY", "REACTIONS", "REPORT", "LABELS", "BACKDROP", "TAGS", "END")
_METRIC, _US = ("LPS", "LPM", "MLD", "CMH", "CMD"), ("CFS", "GPM", "MGD", "IMGD", "AFD")
_KPA_PER_M = 6.895 * 0.4333 / 0.3048  # as EPANET has it: kPa per psi x psi per foot
SECTIONS = tuple(dict.fromkeys((*_SHAPE, *_OF_NODES, *_OTHERS)))


@dataclass
class Text:
    """Lines of a file without comments; `words[n]` are those of line n, `section[n]` where it stands."""

    words: list[list[str]]
    section: list[str]
    findings: list[Finding] = field(default_factory=list)

    def of(self, *names: str) -> Iterator[tuple[int, list[str]]]:
        """Line index and words of all lines in these sections."""
        for n, (section, words) in enumerate(zip(self.section, self.words, strict=True)):
            if words and section in names:
                yield n, words

    def drop(self, n: int, kind: str, name: str, seen: str) -> None:
        """Blank a line and say why."""
        self.words[n] = []
        self.findings.append(Finding(kind, (name,), seen))

    def drop_section(self, name: str, why: str) -> None:
        """Blank all lines of a section."""
        for n, _ in self.of(name):
            self.words[n] = []
        self.findings.append(Finding("section-unreadable", (f"[{name}]",), why))

    def __str__(self) -> str:
        """The file that is left, with its line numbers as they were."""
        return "\n".join(" ".join(words) for words in self.words) + "\n"


def read(path: Path) -> Text:
    """The lines of an INP file with what was wrong in them; `OSError` when it cannot be opened."""
    text = _split(_decoded(path.read_bytes()))
    _shapes(text)
    _ids(text)
    _ends(text)
    _references(text)
    _typical(text)
    _dialects(text)
    return text


def _decoded(raw: bytes) -> str:
    """UTF-8, else GB 18030 (what EPANET writes on a Chinese Windows), else Latin-1, which takes every byte."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("latin-1")


def _split(content: str) -> Text:
    text, section = Text([], []), ""
    for n, line in enumerate(content.splitlines()):
        words = [] if section == "TITLE" and not line.strip().startswith("[") else line.split(";")[0].split()
        text.words.append(words)
        if section == "END":
            text.words[n] = []
        elif words and words[0].startswith("["):
            section = _section(words[0])
            if section == "END":
                text.words[n] = []
            elif section:
                text.words[n] = [f"[{section}]"]
            else:
                text.drop(n, "section-unreadable", words[0], f"line {n + 1}: no section of EPANET")
        elif words and not section:
            text.drop(n, "line-unreadable", str(n + 1), f"'{line.strip()[:40]}' stands in no known section")
        text.section.append("" if words and words[0].startswith("[") else section)
    return text


def _section(word: str) -> str:
    """EPANET knows a section by its first four letters, in any case."""
    return next((name for name in SECTIONS if name[:4] == word.strip("[]").upper()[:4]), "")


def _shapes(text: Text) -> None:
    for section, (least, numbers) in _SHAPE.items():
        for n, words in list(text.of(section)):
            bad = [words[i] for i in numbers if i < len(words) and not _number(words[i])]
            if section == "PIPES" and len(words) == 7 and not _number(words[6]):
                words.insert(6, "0")  # EPANET lets the minor loss be left out before a status
            if len(words) < least:
                text.drop(n, "line-unreadable", str(n + 1), f"[{section}] '{' '.join(words)}' has {len(words)} of {least} values")
            elif bad:
                text.drop(n, "line-unreadable", str(n + 1), f"[{section}] {words[0]}: '{bad[0]}' is no number")


def _number(word: str) -> bool:
    try:
        return float(word) - float(word) == 0.0  # neither infinite nor nan
    except ValueError:
        return False


def _typical(text: Text) -> None:
    """A pipe without a diameter or roughness gets the median one: wntr takes no other, and it still counts for what hangs together."""
    for section, at, what in (("PIPES", 4, "diameter"), ("PIPES", 5, "roughness"), ("VALVES", 3, "diameter")):
        known = sorted(float(words[at]) for _, words in text.of(section) if float(words[at]) > 0)
        for n, words in text.of(section):
            if float(words[at]) <= 0:
                taken = known[len(known) // 2] if known else 1.0
                text.findings.append(Finding(f"{what}-zero", (words[0],), f"line {n + 1}: {what} {words[at]}; {taken:g} is taken"))
                words[at] = repr(taken)


def _ids(text: Text) -> None:
    for what, sections in (("node", NODES), ("link", LINKS)):
        first: dict[str, int] = {}
        for n, words in list(text.of(*sections)):
            if words[0] in first:
                seen = f"lines {first[words[0]] + 1} and {n + 1} ([{text.section[n]}]) have the same {what} id"
                text.drop(n, "id-twice", words[0], seen)
            else:
                first[words[0]] = n


def _ends(text: Text) -> None:
    nodes = {words[0] for _, words in text.of(*NODES)}
    for n, words in list(text.of(*LINKS)):
        name, start, end = words[:3]
        unknown = [node for node in dict.fromkeys((start, end)) if node not in nodes]
        if unknown:
            text.drop(n, "end-unknown", name, f"line {n + 1}: its end {' and '.join(unknown)} is no node")
        elif start == end:
            text.drop(n, "link-to-itself", name, f"line {n + 1}: from {start} to {end}")


def _references(text: Text) -> None:
    """Lines about elements that are not there; of elements left out above nothing more is said."""
    left_out = {name for finding in text.findings for name in finding.ids}
    for what, elements, sections in (("node", NODES, _OF_NODES), ("link", LINKS, _OF_LINKS)):
        known = {words[0] for _, words in text.of(*elements)}
        for n, words in list(text.of(*sections)):
            if words[0] in known:
                continue
            text.words[n] = []
            if words[0] not in left_out:
                seen = f"line {n + 1}, [{text.section[n]}]: no such {what}"
                text.findings.append(Finding("reference-unknown", (words[0],), seen))
    patterns = {words[0] for _, words in text.of("PATTERNS")}
    for n, words in list(text.of("OPTIONS")):
        if words[0].upper() == "PATTERN" and words[-1] not in {*patterns, "1"}:
            text.drop(n, "reference-unknown", words[-1], f"line {n + 1}, [OPTIONS]: no such pattern")
    placed = {words[0] for _, words in text.of("COORDINATES")}
    missing = tuple(words[0] for _, words in text.of(*NODES) if words[0] not in placed)
    if missing:
        text.findings.append(Finding("place-missing", missing, "no coordinates"))


def _dialects(text: Text) -> None:
    """What EPANET takes and wntr does not: clock hours without minutes in rules, and qualities without a unit."""
    for n, words in text.of("RULES"):
        text.words[n] = re.sub(r"(?<![:\d.])(\d{1,2}) (AM|PM)\b", r"\1:00 \2", " ".join(words), flags=re.IGNORECASE).split()
    for n, words in list(text.of("OPTIONS")):
        if words[0].upper() == "UNITS" and words[-1].upper() not in (*_METRIC, *_US):
            text.drop(n, "line-unreadable", str(n + 1), f"[OPTIONS] '{' '.join(words)}' is no flow unit of EPANET")
    if not any(words[0].upper() == "UNITS" for _, words in text.of("OPTIONS")):
        text.findings.append(Finding("units-missing", (), "[OPTIONS] has no Units; EPANET takes gallons per minute, feet and inches"))
        text.words += [["[OPTIONS]"], ["Units", "GPM"]]
        text.section += ["", "OPTIONS"]
    _kilopascals(text)
    for n, words in list(text.of("OPTIONS")):
        if words[0].upper() == "QUALITY" and len(words) > 2 and words[1].upper() not in ("NONE", "AGE", "TRACE"):
            text.words[n] = [*words[:2], words[2] if words[2].lower() in ("mg/l", "ug/l") else "mg/L"]


def _kilopascals(text: Text) -> None:
    """Valve settings and emitters of a file with pressures in kPa, in metres of water. Conditions of controls are left as they are."""
    options = {words[0].upper(): words for _, words in text.of("OPTIONS") if len(words) > 1}
    told, unit = options.get("PRESSURE", ["", "METERS"]), options.get("UNITS", ["", "GPM"])[1].upper()
    kilopascals = told[1].upper() == "KPA" and unit in _METRIC
    told[1] = "METERS"  # in a US file EPANET takes pressures for psi whatever is said here
    if not kilopascals:
        return
    valves = {words[0] for _, words in text.of("VALVES") if words[4].upper() in ("PRV", "PSV", "PBV")}
    for section, at, ids in (("VALVES", 5, valves), ("STATUS", 1, valves)):
        for _, words in text.of(section):
            if words[0] in ids and _number(words[at]):
                words[at] = repr(float(words[at]) / _KPA_PER_M)
    for _, words in text.of("EMITTERS"):
        words[1] = repr(float(words[1]) * _KPA_PER_M**0.5)  # outflow = coefficient x pressure^0.5
