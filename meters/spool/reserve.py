"""Some megabytes kept back on the disk, so that a full disk leaves room to hand over what is there and to say so."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

SIZE = 8 << 20  # [bytes]: a write-ahead log with its checkpoint, and a page of status


class Reserve:
    """A file of `size` [bytes] beside the spool. Released when the disk is full; taken again once twice its size is free."""

    def __init__(self, path: Path, size: int = SIZE) -> None:
        self.path, self.size = path, size

    @property
    def held(self) -> bool:
        try:
            return self.path.stat().st_size >= self.size
        except OSError:
            return False

    def take(self) -> bool:
        """Hold the reserve. False while the disk has no room for it and as much again, so that a full disk does not swing to and fro."""
        if self.held:
            return True
        making = self.path.with_suffix(".making")
        try:
            if shutil.disk_usage(self.path.parent).free < 2 * self.size:
                return False
            with making.open("wb") as file:
                file.write(os.urandom(self.size))  # not zeros: a file system that compresses would keep no room for those
                file.flush()
                os.fsync(file.fileno())
            making.replace(self.path)
        except OSError:
            with suppress(OSError):
                making.unlink(missing_ok=True)
            return False
        return True

    def release(self) -> None:
        """Give the room back to the disk."""
        with suppress(OSError):
            self.path.unlink(missing_ok=True)
