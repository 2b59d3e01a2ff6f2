"""What to train on and what to judge by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from keras_trainkit._core import arguments
from keras_trainkit._core.lazy import LazyModule
from keras_trainkit.callbacks._batches import is_pair

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
        if hasattr(data, "train") and hasattr(data, "validation"):
            data = (data.train, data.validation)
        self._pair = data if is_pair(data) else None
        if self._pair is not None:
            if count > 1:
                rule = "be arrays (x, y), which can be split, for cross-validation"
                arguments.refuse(owner, "data", rule, "(train, validation)")
            self.count = 1
            return
        if not isinstance(data, tuple | list) or not 2 <= len(data) <= 3:
            rule = "be (train, validation), or (x, y) of arrays, which are split"
            arguments.refuse(owner, "data", rule, type(data).__name__)
        self.count = count
        self._arrays = tuple(keras.tree.map_structure(np.asarray, part) for part in data)
        rows = len(keras.tree.flatten(self._arrays[1])[0])
        for leaf in keras.tree.flatten(self._arrays):
            if len(leaf) != rows:
                arguments.refuse(owner, "data", f"have {rows} rows everywhere", leaf.shape)
        self._places = list(_split(self._arrays[1], rows, count, share, seed))

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        if self._pair is not None:
            yield self._pair[0], self._pair[1]
            return
        for train, validation in self._places:
            yield self._rows(train), self._rows(validation)

    def _rows(self, places: Any) -> Any:
        return keras.tree.map_structure(lambda leaf: leaf[places], self._arrays)


def _split(y: Any, rows: int, count: int, share: float | None, seed: int) -> Iterator[Any]:
    (labels, *more) = keras.tree.flatten(y)
    by_class = not more and labels.ndim == 1 and labels.dtype.kind in "iub"
    kind = "Stratified" if by_class else ""
    if share is None:
        splitter = getattr(_selection, f"{kind}KFold")(count, shuffle=True, random_state=seed)
    else:
        splitter = getattr(_selection, f"{kind}ShuffleSplit")(
            count, test_size=share, random_state=seed
        )
    return splitter.split(np.empty((rows, 1)), labels if by_class else None)
