"""Files that are there whole or not at all, whenever the process dies."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Gives a path to write to, and puts that file in the place of `path` once it is whole.

    A reader sees the old file or the new one; an exception (Ctrl-C is one) leaves the old one
    and removes the part that was written.
    """
    target = Path(path)
    part = target.with_name(f".part-{os.getpid()}-{target.name}")  # beside it: one file system
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield part
        if part.exists():
            os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
