"""Batches out of whatever `fit` takes, as NumPy: backends do not take each other's tensors."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from keras_trainkit._core import arguments

_WORDS = "OSUMm"  # the kinds of types that are no numbers


class Batch(NamedTuple):
    """What one step sees."""

    x: Any
    y: Any
    sample_weight: Any = None

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return len(keras.tree.flatten(self.x)[0])


def is_pair(data: Any) -> bool:
    """Whether it is (train, validation), and not (x, y)."""
    if not isinstance(data, tuple | list) or len(data) != 2:
        return False
    return all(map(_is_data, data))


def _is_data(part: Any) -> bool:
    """Whether it is arrays in a tuple, a list of batches or another iterable; several inputs or
    labels are a list of arrays or a dictionary.
    """
    if isinstance(part, list):
        return all(isinstance(batch, tuple | list) for batch in part)
    return hasattr(part, "__iter__") and not hasattr(part, "shape") and not isinstance(part, dict)


def training_and_validation(data: Any) -> tuple[Any, Any]:
    """The two parts of (train, validation), or of an object that has them; None for what is not.

    A list of two is a list of batches.
    """
    if hasattr(data, "train") and hasattr(data, "validation"):
        return data.train, data.validation
    if isinstance(data, tuple) and is_pair(data):
        return data[0], data[1]
    return data, None


def arrays_of(data: Any, owner: str = "keras_trainkit") -> Batch | None:
    """The arrays of `(x, y[, sample_weight])`, equally long; None for a dataset."""
    if not isinstance(data, tuple):
        return None
    arrays = _each(np.asarray, keras.utils.unpack_x_y_sample_weight(data))
    _refuse_uneven(owner, arrays)
    return arrays


def rows_of(batch: Batch, places: Any) -> Batch:
    """Some of the rows."""
    return _each(lambda leaf: leaf[places], batch)


def batches_of(owner: str, data: Any, batch_size: int) -> Iterator[Batch]:
    """Once through the data, in order; of arrays also the rest that fills no batch."""
    arrays = arrays_of(data, owner)
    if arrays is not None:
        _refuse_empty(owner, arrays.rows)
        _refuse_unlabelled(owner, arrays)
        for start in range(0, arrays.rows, batch_size):
            yield rows_of(arrays, slice(start, start + batch_size))
        return
    if not hasattr(data, "__iter__") and not hasattr(data, "__getitem__"):
        rule = "be (x, y), (x, y, sample_weight) or a dataset of such batches"
        arguments.refuse(owner, "data", rule, type(data).__name__)
    for element in data:
        batch = _each(ops.convert_to_numpy, keras.utils.unpack_x_y_sample_weight(element))
        _refuse_uneven(owner, batch)
        _refuse_unlabelled(owner, batch)
        yield batch


def first_batches(owner: str, data: Any, batch_size: int, count: int) -> list[Batch]:
    """The first few, at least one."""
    batches = list(itertools.islice(batches_of(owner, data, batch_size), count))
    _refuse_empty(owner, len(batches))
    return batches


def endless(owner: str, data: Any, batch_size: int, seed: int) -> Iterator[Batch]:
    """Batches of one size without end; arrays are shuffled anew for each round."""
    arrays = arrays_of(data, owner)
    if arrays is not None:
        _refuse_empty(owner, arrays.rows)
        generator = np.random.default_rng(seed)
        size = min(batch_size, arrays.rows)
        while True:
            order = generator.permutation(arrays.rows)
            for start in range(0, arrays.rows - size + 1, size):
                yield rows_of(arrays, order[start : start + size])
    while True:
        size = 0
        for batch in batches_of(owner, data, batch_size):
            size = size or batch.rows
            if batch.rows == size:  # a smaller rest would be compiled for itself
                yield batch
        if not size:
            cure = "Give arrays or a dataset: each rate sees the same batches."
            arguments.refuse(owner, "data", "be iterable more than once", type(data).__name__, cure)


def _each(change: Callable[[Any], Any], parts: Sequence[Any]) -> Batch:
    """What the function makes of each array; None stays."""
    return Batch(*(None if p is None else keras.tree.map_structure(change, p) for p in parts))


def _refuse_empty(owner: str, rows: int) -> None:
    if not rows:
        arguments.refuse(owner, "data", "hold at least one batch", "none")


def _refuse_uneven(owner: str, batch: Batch) -> None:
    lengths = [len(leaf) for leaf in keras.tree.flatten(batch[:2]) if getattr(leaf, "shape", ())]
    if len(set(lengths)) > 1:
        arguments.refuse(owner, "data", "have as many labels as inputs", lengths)


def _refuse_unlabelled(owner: str, batch: Batch) -> None:
    if batch.y is None:
        arguments.refuse(owner, "data", "hold labels, as (x, y)", "x alone")
    for labels in keras.tree.flatten(batch.y):
        if labels.dtype.kind in _WORDS:
            cure = "Number the classes from 0."
            arguments.refuse(owner, "data", "have numbers as labels", labels.dtype.name, cure)
