"""Saved models, looked into without loading them."""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from pathlib import Path

_CONFIG, _WEIGHTS = "config.json", "model.weights"


def archive_fault(path: str) -> str | None:
    """What is wrong with a `.keras` file, every byte of it read; None where nothing is."""
    if not path.endswith(".keras"):
        return "its name does not end in .keras"
    if not Path(path).is_file():
        return "there is no such file"
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            broken = archive.testzip()
            if broken is not None:
                return f"its part {broken} is damaged"
            if _CONFIG not in names or not any(name.startswith(_WEIGHTS) for name in names):
                return "it is an archive without a model's config and weights"
            json.loads(archive.read(_CONFIG))
    except zipfile.BadZipFile:
        return "it is damaged, or no Keras archive"
    except (OSError, EOFError, ValueError, zlib.error, NotImplementedError) as error:
        return f"it cannot be read: {error}"
    return None


def archive_fingerprint(path: str) -> str:
    """A hash of what a `.keras` file holds; the date of saving is no part of it."""
    with zipfile.ZipFile(path) as archive:
        parts = sorted(
            (part.filename, part.CRC, part.file_size)
            for part in archive.infolist()
            if part.filename != "metadata.json"
        )
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()
