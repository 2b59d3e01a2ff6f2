"""What is kept of a trial, in files that the board reads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_trainkit._core.whole_file import whole_file
from keras_trainkit.callbacks.learning_curves import LearningCurves
from keras_trainkit.tuning.search.single_numbers import single_numbers

_POINTS = 2000  # losses of batches that are kept


class OutputError(Exception):
    """The folder cannot be written to: no fault of the trial's, and the end of the search."""


class TrialFolder:
    """The folder of one trial: `trial.json`, `curves.csv`, `batches.csv`, `best.keras`."""

    def __init__(self, path: Path, facts: Mapping[str, Any]) -> None:
        self.path = path
        self._facts = {"format": 1, **facts}
        with _writing(path):
            path.mkdir(parents=True, exist_ok=True)
            for old in path.glob("*.csv"):  # of a worker that was killed
                old.unlink()
        self.write(state="running")

    def write(self, **facts: Any) -> None:
        """Renews `trial.json`, whole."""
        self._facts |= facts
        with _writing(self.path), whole_file(self.path / "trial.json") as part:
            part.write_text(json.dumps(self._facts, indent=1, default=str), encoding="utf-8")

    @staticmethod
    def give_up(path: Path, reason: str) -> None:
        """Says of a trial that ran that it does no more, if this machine has its folder."""
        with suppress(OSError, ValueError), whole_file(path / "trial.json") as part:
            facts = json.loads((path / "trial.json").read_text(encoding="utf-8"))
            facts |= {"state": "failed", "reason": reason}
            part.write_text(json.dumps(facts, indent=1), encoding="utf-8")

    def save(self, model: keras.Model, fold: int | None) -> None:
        """Keeps the model."""
        with _writing(self.path), whole_file(self.path / f"best{_mark(fold)}.keras") as part:
            model.save(part)


class CurveWriter(keras.callbacks.Callback):
    """Writes a line an epoch, in the form of Keras' `CSVLogger`, and the losses of batches."""

    def __init__(self, folder: Path, fold: int | None, losses: LearningCurves) -> None:
        super().__init__()
        self._curves = folder / f"curves{_mark(fold)}.csv"
        self._batches = folder / f"batches{_mark(fold)}.csv"
        self._losses = losses
        self._names: list[str] = []
        self._written = 0

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Appends what the epoch has brought; a line is there whole, or has no end."""
        values = single_numbers(logs)
        text = ""
        if not self._names:
            self._names = sorted(values)
            text = ",".join(["epoch", *self._names]) + "\n"
        words = [repr(values.get(name, np.nan)) for name in self._names]
        _append(self._curves, text + ",".join([str(epoch), *words]) + "\n")
        curves = self._losses.curves
        epochs = self.params.get("epochs") or epoch + 1
        every = 1 + len(curves.losses) * epochs // (epoch + 1) // _POINTS
        rows = range(self._written, len(curves.losses), every)
        text = "" if self._written else "position,loss\n"
        text += "".join(f"{curves.positions[i]:.5g},{curves.losses[i]:.6g}\n" for i in rows)
        _append(self._batches, text)
        self._written = len(curves.losses)


def _append(path: Path, text: str) -> None:
    with _writing(path), path.open("a", encoding="utf-8") as file:
        file.write(text)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error


def _mark(fold: int | None) -> str:
    return "" if fold is None else f"-{fold}"
