"""A report in the making, batch by batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_trainkit._core.arguments import refuse
from keras_trainkit.inference.calibration import Calibration
from keras_trainkit.inference.ensemble_report import EnsembleReport

_LEAST = float(np.finfo("float32").eps)


class Gathering:
    """Takes every member's probabilities of every batch, and keeps counts.

    Args:
        owner: The object whose argument the labels are.
        names: The members' names.
    """

    def __init__(self, owner: object, names: Sequence[str]) -> None:
        self._owner = owner
        self._names = tuple(names)
        self._single = [_Tally() for _ in names]
        self._averaged = [_Tally() for _ in names]

    def add(self, member: int, single: np.ndarray, averaged: np.ndarray, labels: Any) -> None:
        """Counts a batch of a member.

        Args:
            member: Its number.
            single: Its probabilities.
            averaged: Those of the average of the members up to this one.
            labels: Class ids, or rows like the probabilities.
        """
        classes = _class_ids(self._owner, labels, single.shape)
        self._single[member].add(single, classes)
        self._averaged[member].add(averaged, classes)

    def report(self) -> EnsembleReport:
        """What has been counted."""
        single, averaged = self._single, self._averaged
        return EnsembleReport(
            self._names,
            tuple(tally.accuracy for tally in single),
            tuple(tally.loss for tally in single),
            tuple(tally.calibration for tally in single),
            tuple(tally.accuracy for tally in averaged),
            tuple(tally.loss for tally in averaged),
            averaged[-1].calibration,
        )


class _Tally:
    """The sums of which a report is made."""

    def __init__(self) -> None:
        self.calibration = Calibration()
        self._losses = 0.0

    def add(self, probabilities: np.ndarray, classes: np.ndarray) -> None:
        rows = probabilities.reshape(-1, probabilities.shape[-1])
        if rows.shape[-1] == 1:
            rows = np.concatenate([1 - rows, rows], axis=-1)
        likelihoods = rows[np.arange(len(rows)), classes]
        self._losses -= np.log(np.maximum(likelihoods, _LEAST)).sum()
        self.calibration.add(rows.max(-1), rows.argmax(-1) == classes)

    @property
    def accuracy(self) -> float:
        return float(self.calibration.right.sum() / self.calibration.counts.sum())

    @property
    def loss(self) -> float:
        return float(self._losses / self.calibration.counts.sum())


def _class_ids(owner: object, labels: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Class ids in one dimension, of ids or one-hot rows."""
    values = np.asarray(labels)
    classes = shape[-1]
    if classes > 1 and values.shape == shape:
        values = values.argmax(-1)
    if values.size != np.prod(shape[:-1]):
        rule = f"be class ids or one-hot rows for predictions of shape {shape}"
        refuse(owner, "y", rule, f"shape {values.shape}")
    ids = values.reshape(-1).astype(int)
    if (ids != values.reshape(-1)).any() or ids.min() < 0 or ids.max() >= max(classes, 2):
        rule = f"be class ids from 0 to {max(classes, 2) - 1}, or one-hot rows"
        refuse(owner, "y", rule, f"labels from {values.min()} to {values.max()}")
    return ids
