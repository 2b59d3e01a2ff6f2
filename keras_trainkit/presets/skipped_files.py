"""The names of files that were left out of a training."""

from __future__ import annotations

import tempfile
import uuid
import warnings
from pathlib import Path
from typing import Any

import keras


class SkippedFiles(keras.callbacks.Callback):
    """Knows which files could not be read, and warns of new ones at the end of an epoch.

    A dataset appends their names to a text file, since it runs in threads of TensorFlow's own,
    where no Python is; there is none until the first name.
    """

    def __init__(self) -> None:
        super().__init__()
        self.path = Path(tempfile.gettempdir(), f"keras_trainkit-skipped-{uuid.uuid4().hex}.txt")
        self._told = 0

    @property
    def names(self) -> tuple[str, ...]:
        """Each file once, in the order in which they were met."""
        if not self.path.exists():
            return ()
        lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines()
        return tuple(dict.fromkeys(lines))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Warns."""
        names = self.names
        if len(names) > self._told:
            shown = ", ".join(names[self._told :][:5])
            more = ", ..." if len(names) - self._told > 5 else ""
            self._told = len(names)
            warnings.warn(
                f"{len(names)} images so far could not be read and were left out; new in epoch "
                f"{epoch + 1}: {shown}{more}. All are listed in {self.path}.",
                stacklevel=2,
            )
