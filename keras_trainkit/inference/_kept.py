"""The members' results on disk, so that a run that was stopped can go on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from keras_trainkit._core.arguments import refuse
from keras_trainkit._core.whole_file import whole_file

_VALUES, _ABOUT = "member-{:03d}.npy", "member-{:03d}.json"


class Kept:
    """Two files for each finished member: what it gave, and what that was made from.

    Args:
        owner: The object whose argument the folder is.
        directory: The folder; it is made when there is something to keep.
        run: What all members have in common, by name.
    """

    def __init__(self, owner: object, directory: Path, run: dict[str, Any]) -> None:
        self._owner = owner
        self._directory = directory
        self._run = run

    def read(self, number: int, fingerprint: str) -> tuple[np.ndarray, list[str]] | None:
        """The rows of a member, on disk, and the hashes of the batches; None if it is not done."""
        about = self._directory / _ABOUT.format(number)
        if not about.exists():
            return None
        found = json.loads(about.read_text(encoding="utf-8"))
        batches = found.pop("data")
        for name, value in {**self._run, "model": fingerprint}.items():
            if found.get(name) != value:
                self.refuse(name, number)
        rows = np.load(self._directory / _VALUES.format(number), mmap_mode="r")
        return rows, batches

    def write(self, number: int, fingerprint: str, rows: np.ndarray, batches: list[str]) -> None:
        """Keeps a member's rows; last what they were made from, which says that all is there."""
        with whole_file(self._directory / _VALUES.format(number)) as part, part.open("wb") as file:
            np.save(file, rows)
        about = {**self._run, "model": fingerprint, "data": batches}
        with whole_file(self._directory / _ABOUT.format(number)) as part:
            part.write_text(json.dumps(about), encoding="utf-8")

    def refuse(self, what: str, number: int) -> None:
        """Says that a result is of another run."""
        refuse(
            self._owner,
            "directory",
            f"hold results of this very run (the {what} of member {number + 1} differs)",
            str(self._directory),
            "Choose another folder, or remove this one.",
        )
