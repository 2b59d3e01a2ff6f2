"""The lock under which workers write to a journal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from keras_trainkit._core.lazy import LazyModule

_journal: Any = LazyModule("optuna.storages.journal", "tuning")


class JournalLock:
    """Optuna's lock; who gets it cuts off half a line, which the next would be glued to.

    A full disk leaves one, or a cut of the power.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = _journal.JournalFileSymlinkLock(str(path))

    def acquire(self) -> bool:
        """Waits for the lock."""
        self._lock.acquire()
        try:
            self._cut()
        except BaseException:
            self._lock.release()
            raise
        return True

    def release(self) -> None:
        """Lets others in."""
        self._lock.release()

    def _cut(self) -> None:
        with self._path.open("rb+") as file:
            size = file.seek(0, 2)
            file.seek(max(size - 1, 0))
            if file.read() not in (b"", b"\n"):
                file.seek(0)
                file.truncate(file.read().rfind(b"\n") + 1)
