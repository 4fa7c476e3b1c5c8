"""The table files behind a delivered file, which may be an archive: read in memory, within limits, never unpacked to the disk."""

import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from city.problems import fault

MOST_BYTES = 2 << 30  # of all members of an archive after unpacking: more is a mistake or an attack
MOST_MEMBERS = 10_000
_BROKEN = (zipfile.BadZipFile, zipfile.LargeZipFile, RuntimeError, NotImplementedError, EOFError, OSError, ValueError, zlib.error)


def within(folder: Path | str, name: str) -> Path:
    """The file `name` inside `folder`. Raises `PenstockError` when it lies elsewhere (.., a link, an absolute path)."""
    root = Path(folder).resolve()
    path = (root / name).resolve()
    if not path.is_relative_to(root) or path == root:
        raise fault(f"file '{name}'", f"outside {root}", "a file inside the drop folder", "Move the file into it.")
    return path


def members(subject: str, content: bytes, kinds: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    """The files with one of the endings `kinds` that `content` consists of: itself, or the members of a ZIP archive.

    Parameters
    ----------
    subject : name of the file, for its ending and for faults

    Raises `PenstockError`: another ending, a broken or locked archive, a member that leads outside or is of another kind, more
    than MOST_MEMBERS, or more bytes than MOST_BYTES or than a member says it has.
    """
    ending = PurePosixPath(subject).suffix.lower()
    if ending != ".zip":
        if ending not in kinds:
            raise fault(subject, f"a {ending or 'nameless'} file", ", ".join((*kinds, ".zip")), "Convert it.")
        yield subject, content
        return
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            listed = [member for member in archive.infolist() if not member.is_dir()]
            if len(listed) > MOST_MEMBERS or sum(member.file_size for member in listed) > MOST_BYTES:
                size = sum(member.file_size for member in listed)
                raise fault(subject, f"{len(listed)} members, {size} bytes", f"{MOST_MEMBERS} members, 2 GiB", "Split or refuse it.")
            for member in listed:
                name = PurePosixPath(member.filename.replace("\\", "/"))
                if name.is_absolute() or ".." in name.parts or ":" in member.filename:
                    raise fault(f"{subject}, member '{name}'", "a path out of the archive", "names inside it", "Refuse this file.")
                if name.suffix.lower() not in kinds:
                    raise fault(f"{subject}, member '{name}'", "another kind of file", ", ".join(kinds), "Remove it.")
                yield f"{subject}/{name}", archive.read(member)  # zipfile gives no more bytes than the member states
    except (
        zipfile.BadZipFile,
        zipfile.LargeZipFile,
        RuntimeError,
        NotImplementedError,
        EOFError,
        OSError,
        ValueError,
        zlib.error,
    ) as error:
        raise fault(subject, str(error) or type(error).__name__, "a whole ZIP file without password", "Send the file again.") from None
