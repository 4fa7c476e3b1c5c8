"""`penstock meters import-map`: the map of another tool, shown or written as ours, and what could not be carried over."""

from collections.abc import Iterator
from pathlib import Path

from city.problems import fault
from meters.maps.foreign import import_map


def import_foreign(tool: str, file: Path, folder: Path | None) -> Iterator[str]:
    """Sentences about the map of another tool: what it became, and what could not be carried over. With a folder, it is written there.

    Raises `PenstockError` as `meters.maps.foreign.import_map` does, and when a file of the same name is there already.
    """
    made = import_map(tool, file)
    if folder is None:
        for name, content in made.models.items():
            yield f"# devices/{name}.toml\n{content}"
        yield f"# for city.toml\n{made.entries}"
    else:
        files = {folder / f"{name}.toml": content for name, content in made.models.items()} | {folder / "city-entries.toml": made.entries}
        there = [path.name for path in files if path.exists()]
        if there:
            raise fault(str(folder), f"{', '.join(there)} exists", "a folder without them", "Choose another folder, or move them away.")
        folder.mkdir(parents=True, exist_ok=True)
        for path, content in files.items():
            path.write_text(content, encoding="utf-8")
            yield f"{path} written"
    yield f"{len(made.models)} devices; {len(made.left)} things could not be carried over" + (":" if made.left else "")
    yield from made.left
