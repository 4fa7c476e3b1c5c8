"""The kinds of findings: how bad each is, what would have been right, what to do, and what it takes away.

Uses: `map` (drawing it), `isolation` (which valves close off a pipe), `simulation` (EPANET: pressures, proofs, pump plans),
`leaks` (searching leaks in readings), `customers` (who is without water).
"""

from dataclasses import dataclass

USES = ("map", "isolation", "simulation", "leaks", "customers")


@dataclass(frozen=True, slots=True)
class Kind:
    """`of`: the noun before the ids; `stops`: uses that do not work with it; `doubtful`: uses that run but may mislead."""

    severity: str
    of: str
    allowed: str
    remedy: str
    stops: tuple[str, ...] = ()
    doubtful: tuple[str, ...] = ()


_MODEL = ("isolation", "simulation")
_SIZE = ("simulation",)
_CITY = ("isolation", "simulation", "customers")

_FILE = {  # of an INP file's text
    "line-unreadable": Kind("error", "line", "a line as EPANET's manual writes it", "Correct it; it is left out.", (), _MODEL),
    "section-unreadable": Kind("note", "section", "a section as EPANET's manual writes it", "It is left out."),
    "id-twice": Kind("error", "", "every id once", "Rename or remove one; the first is kept.", (), _CITY),
    "end-unknown": Kind("error", "", "ends that are nodes of the file", "Add the node or correct the id; it is left out.", (), _MODEL),
    "link-to-itself": Kind("error", "", "two different ends", "Correct an end; it is left out.", (), _MODEL),
    "reference-unknown": Kind("warning", "", "an id of the file", "Correct the id; the line is left out."),
    "units-missing": Kind("warning", "file", "a flow unit", "Write Units under [OPTIONS].", (), ("simulation", "leaks", "customers")),
    "place-missing": Kind("warning", "node", "x and y under [COORDINATES]", "Add them.", ("map",)),
    "network-empty": Kind("error", "network", "nodes and links", "Give another file.", USES),
}
_SHAPE = {  # of what hangs together
    "no-source": Kind("error", "network", "a reservoir or a tank", "Add where the water comes from.", ("isolation", "simulation")),
    "node-alone": Kind("error", "node", "at least one link", "Join it or remove it.", ("simulation",), ("isolation", "customers")),
    "part-without-source": Kind("error", "part with", "links to a source", "Join it, or give it a source.", (), _CITY),
    "cut-off-by-closed": Kind("warning", "closed", "water behind it", "Open it, or say what feeds the part behind.", (), ("simulation",)),
    "pipe-twice": Kind("note", "pipe", "one pipe per place", "Remove one if it was entered twice."),
}
_SIZES = {  # of numbers
    "length-zero": Kind("error", "pipe", "a length above 0", "Give its length.", _SIZE, ("leaks",)),
    "length-absurd": Kind("warning", "pipe", "0.1 to 50,000 m", "Check its length and unit.", (), _SIZE),
    "length-not-drawn": Kind(
        "warning", "pipe", "a length like the drawn one", "Check its length and its ends.", (), ("simulation", "leaks")
    ),
    "length-unit": Kind("error", "lengths of", "lengths as drawn", "Check the unit of lengths and of coordinates.", (), _SIZE),
    "diameter-zero": Kind("error", "pipe", "a diameter above 0", "Give its diameter; a typical one is taken.", (), _SIZE),
    "diameter-absurd": Kind("warning", "pipe", "15 mm to 4 m", "Check its diameter: mm for inches, inches for mm?", (), _SIZE),
    "diameter-unit": Kind(
        "error", "diameters of", "diameters of water mains", "Check the unit: mm in SI files, inches in US files.", (), _SIZE
    ),
    "roughness-zero": Kind("error", "pipe", "a roughness above 0", "Give its roughness; a typical one is taken.", (), _SIZE),
    "roughness-absurd": Kind("warning", "pipe", "a roughness of the file's head-loss formula", "Check it.", (), _SIZE),
    "roughness-unit": Kind(
        "error", "roughness of", "roughness of the file's formula", "Correct [OPTIONS] Headloss or the roughness.", (), _SIZE
    ),
    "elevation-odd": Kind("warning", "node", "an elevation like its neighbours'", "Check it.", (), ("simulation",)),
    "elevation-unit": Kind("error", "elevations of", "ground that the sources can serve", "Check their unit: feet for metres?", (), _SIZE),
    "demand-unit": Kind("error", "demands of", "flow that the pipes can carry", "Check [OPTIONS] Units and the demands.", (), _CITY[1:]),
    "demand-negative": Kind("note", "junction", "0 or more, but for an inflow", "Nothing, if water comes in there."),
    "pressure-negative": Kind(
        "warning", "junction", "0 m or more at base demand", "Check elevation, demand and feed.", (), ("simulation", "leaks")
    ),
    "velocity-absurd": Kind("warning", "pipe", "at most 6 m/s at base demand", "Check diameter and demands behind it.", (), _SIZE),
    "not-solved": Kind("error", "network", "a network EPANET solves", "Correct the findings above.", ("simulation",)),
}
_LAYERS = {  # of GIS layers
    "geometry-unusable": Kind("error", "", "the geometry of its layer, finite", "Draw it again; it is left out.", (), _MODEL),
    "geometry-several-parts": Kind("warning", "", "one line per feature", "Split it; its parts are taken apart.", (), ("map",)),
    "id-changed": Kind(
        "warning", "", "31 characters, no quote, semicolon or sign in front", "Rename it in the GIS; until then it is called so here."
    ),
    "feature-without-id": Kind("warning", "", "an id per feature", "Give ids; a number is put in its place."),
    "feature-twice": Kind("error", "", "every id once", "Rename or remove one; the first is kept.", (), _CITY),
    "value-missing": Kind("warning", "", "a value", "Fill it in; a typical one is taken.", (), _SIZE),
    "value-unreadable": Kind("warning", "", "a number", "Correct it; a typical one is taken.", (), _SIZE),
    "coordinates-unclear": Kind("warning", "layer", "degrees (RFC 7946), or a stated system", "Give --coordinates."),
    "layers-apart": Kind("error", "layer", "the ground of the pipes", "Check the coordinate systems.", (), _CITY),
    "ends-apart": Kind("error", "pipe", "ends that meet, or lie well apart", "Move the end, or raise --tolerance.", (), _MODEL),
    "pipe-collapsed": Kind("error", "pipe", "longer than the tolerance", "Lower --tolerance; it is left out.", (), _MODEL),
    "pipe-divided": Kind("note", "pipe", "an end at every branch", "Nothing; it is divided where others end on it."),
    "valve-off-pipe": Kind(
        "error", "valve", "a pipe within the tolerance", "Move it, or raise --tolerance; it is left out.", (), ("isolation",)
    ),
    "valve-unclear": Kind(
        "warning", "valve", "one pipe, by place or by property link", "Say which with property link.", (), ("isolation",)
    ),
    "valves-on-same-end": Kind("warning", "valve", "one valve per end of a pipe", "Remove one; the first is kept.", (), ("isolation",)),
    "meter-off-network": Kind("warning", "meter", "a pipe within reach", "Move it, or raise --reach; it is left out.", (), _CITY[1:]),
    "hydrant-off-pipe": Kind("warning", "hydrant", "a pipe within the tolerance", "Move it; it is left out.", (), ("isolation",)),
    "source-off-network": Kind("error", "source", "a pipe end within the tolerance", "Move it; it is left out.", (), _MODEL),
    "feeder-without-substation": Kind("warning", "feeder", "a line that reaches a substation", "Draw the missing line."),
    "feeder-loose": Kind("warning", "feeder", "ends that meet, or lie well apart", "Move the end."),
    "elevation-missing": Kind("warning", "node", "an elevation", "Give it; that of the nearest known one is taken.", (), _SIZE),
}
_MATCH = {  # of two sources that should agree, and of names in city.toml
    "pipe-not-in-model": Kind("warning", "pipe", "a pipe of the model", "Add it to the model or remove it from the GIS.", (), _MODEL),
    "pipe-not-in-gis": Kind("warning", "pipe", "a pipe of the GIS", "Add it to the GIS or remove it from the model.", (), ("isolation",)),
    "valve-not-in-model": Kind(
        "warning", "valve", "a pipe of the model below it", "Add the pipe to the model; it is left out.", (), ("isolation",)
    ),
    "valve-not-in-gis": Kind("warning", "valve", "a valve of the GIS", "Survey it, or remove it from the table.", (), ("isolation",)),
    "valve-elsewhere": Kind("warning", "valve", "the same place in both", "Survey it.", (), ("isolation",)),
    "size-differs": Kind("warning", "pipe", "the same diameter and length in both", "Correct one.", (), _SIZE),
    "name-unknown": Kind("warning", "", "a name of the network", "Correct it in city.toml.", (), ("leaks",)),
}
KINDS: dict[str, Kind] = {**_FILE, **_SHAPE, **_SIZES, **_LAYERS, **_MATCH}
