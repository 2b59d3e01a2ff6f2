"""What to train on and what to judge by."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from keras_trainkit._core import arguments
from keras_trainkit._core.lazy import LazyModule
from keras_trainkit.callbacks._batches import training_and_validation

_selection: Any = LazyModule("sklearn.model_selection", "tuning")


class Folds:
    """Pairs of training and validation data.

    Args:
        owner: Whose argument `data` is.
        data: `(train, validation)`, each `(x, y[, sample_weight])` or a dataset; an object with
            `train` and `validation`; or `(x, y[, sample_weight])` of arrays, to be split.
        count: How many times arrays are split.
        share: The share of the rows that validates; None makes `count` folds of equal size.
        seed: Of the splits.
    """

    def __init__(self, owner: str, data: Any, count: int, share: float | None, seed: int) -> None:
        if isinstance(data, list):
            data = tuple(data)
        pair = training_and_validation(data)
        self._pair = None if pair[1] is None else pair
        if self._pair is not None:
            if count > 1:
                rule = "be arrays (x, y), which can be split, for cross-validation"
                arguments.refuse(owner, "data", rule, "(train, validation)")
            self.count = 1
            return
        if not isinstance(data, tuple) or not 2 <= len(data) <= 3:
            rule = "be (train, validation), or (x, y) of arrays, which are split"
            arguments.refuse(owner, "data", rule, type(data).__name__)
        self.count = count
        self._arrays = tuple(map(_arrays, data))
        leaves = keras.tree.flatten(self._arrays)
        rows = len(np.atleast_1d(keras.tree.flatten(self._arrays[1])[0]))
        for leaf in leaves:
            if leaf.shape[:1] != (rows,):
                arguments.refuse(owner, "data", f"have {rows} rows everywhere", leaf.shape)
        _refuse_few(owner, rows, count, share)
        self._places = list(_split(self._arrays[1], rows, count, share, seed))

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        if self._pair is not None:
            yield self._pair[0], self._pair[1]
            return
        for train, validation in self._places:
            yield self._rows(train), self._rows(validation)

    def _rows(self, places: Any) -> Any:
        return keras.tree.map_structure(lambda leaf: leaf[places], self._arrays)


def _arrays(part: Any) -> Any:
    """Each array of several as NumPy's; a list of numbers, or of rows of them, is one array."""
    if isinstance(part, list) and not any(hasattr(x, "shape") for x in keras.tree.flatten(part)):
        return np.asarray(part)
    return keras.tree.map_structure(np.asarray, part)


def _refuse_few(owner: str, rows: int, count: int, share: float | None) -> None:
    if rows < 2:
        arguments.refuse(owner, "data", "have at least two rows, which can be split", rows)
    if share is None and count > rows:
        arguments.refuse(owner, "splits", f"be at most the {rows} rows of `data`", count)
    if share is not None and _validating(rows, share) == rows:
        rule = f"leave some of the {rows} rows of `data` to train on"
        arguments.refuse(owner, "validation_share", rule, share)


def _validating(rows: int, share: float) -> int:
    return math.ceil(rows * share)


def _split(y: Any, rows: int, count: int, share: float | None, seed: int) -> Iterator[Any]:
    (labels, *more) = keras.tree.flatten(y)
    by_class = not more and labels.ndim == 1 and labels.dtype.kind in "iub"
    if by_class:  # where each class has rows enough; whole numbers to be predicted have not
        sizes = np.unique(labels, return_counts=True)[1]
        if share is None:
            by_class = min(sizes) >= max(2, count)
        else:
            validating = _validating(rows, share)
            by_class = min(sizes) >= 2 and len(sizes) <= min(validating, rows - validating)
    kind = "Stratified" if by_class else ""
    if share is None:
        splitter = getattr(_selection, f"{kind}KFold")(count, shuffle=True, random_state=seed)
    else:
        splitter = getattr(_selection, f"{kind}ShuffleSplit")(
            count, test_size=share, random_state=seed
        )
    return splitter.split(np.empty((rows, 1)), labels if by_class else None)
