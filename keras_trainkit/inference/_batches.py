"""Whatever data Keras predicts from, as batches of NumPy arrays."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import keras

from keras_trainkit._core import arguments
from keras_trainkit._core.arguments import refuse
from keras_trainkit.inference._arrays import as_arrays

Batch = tuple[Any, Any, Any]
"""Inputs, labels and sample weights; None where there are none."""


class Batches:
    """Batches `(x, y, sample_weight)`, again and again where the data can be gone through again.

    Args:
        owner: The object whose argument the data are.
        x: Arrays, or something that gives batches.
        y: Labels beside arrays.
        sample_weight: Weights beside arrays.
        batch_size: For arrays.
        steps: At most so many batches.
    """

    def __init__(
        self,
        owner: object,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        batch_size: int | None = None,
        steps: int | None = None,
    ) -> None:
        self._owner = owner
        self._steps = None if steps is None else arguments.integer(owner, "steps", steps, 1)
        size = 32 if batch_size is None else arguments.integer(owner, "batch_size", batch_size, 1)
        if _gives_batches(x):
            for name, value in (("y", y), ("sample_weight", sample_weight)):
                if value is not None:
                    cure = "The batches bring their own."
                    refuse(owner, name, "be left out where `x` gives batches", type(value), cure)
            self._source = _Indexed(x) if isinstance(x, keras.utils.PyDataset) else x
        else:
            given = (
                (x,) if y is None else (x, y) if sample_weight is None else (x, y, sample_weight)
            )
            self._source = _Slices(owner, as_arrays(given), size)
        self.length = _length(self._source)
        """How many batches there are; None where nobody knows."""
        if self._steps is not None:
            self.length = min(self.length or self._steps, self._steps)
        self.once = isinstance(self._source, Iterator)
        """Whether they can be gone through only once."""
        self._first: Any = None

    def first(self) -> Batch:
        """The first batch, which `__iter__` gives nevertheless."""
        if self._first is None:
            iterator = iter(self._source)
            element = next(iterator, None)
            if element is None:
                refuse(self._owner, "x", "hold at least one batch", "none")
            self._first = as_arrays(element)
            if self.once:
                self._source = itertools.chain([element], iterator)
        return keras.utils.unpack_x_y_sample_weight(self._first)

    def __iter__(self) -> Iterator[Batch]:
        for element in itertools.islice(self._source, self._steps):
            yield keras.utils.unpack_x_y_sample_weight(as_arrays(element))


class _Slices:
    """Arrays of equal length, cut into batches."""

    def __init__(self, owner: object, arrays: Any, size: int) -> None:
        self._arrays = arrays
        self._size = size
        shapes = [leaf.shape for leaf in keras.tree.flatten(arrays)]
        lengths = {shape[:1] for shape in shapes}
        if len(lengths) != 1 or () in lengths:
            refuse(owner, "x", "be arrays of one length, and `y` and weights of the same", shapes)
        ((self._rows,),) = lengths

    def __len__(self) -> int:
        return -(-self._rows // self._size)

    def __iter__(self) -> Iterator[Any]:
        for start in range(0, self._rows, self._size):
            piece = slice(start, start + self._size)
            yield keras.tree.map_structure(lambda leaf, piece=piece: leaf[piece], self._arrays)


class _Indexed:
    """A `keras.utils.PyDataset`, which is asked for its batches by number."""

    def __init__(self, dataset: keras.utils.PyDataset) -> None:
        self._dataset = dataset

    def __iter__(self) -> Iterator[Any]:
        count = self._dataset.num_batches
        numbers = itertools.count() if count is None else range(count)
        return (self._dataset[number] for number in numbers)

    def __len__(self) -> int:
        return self._dataset.num_batches


def _gives_batches(x: Any) -> bool:
    if isinstance(x, keras.utils.PyDataset):
        return True
    return isinstance(x, Iterable) and not (
        isinstance(x, list | tuple | dict) or hasattr(x, "shape")
    )


def _length(source: Any) -> int | None:
    try:
        return len(source)
    except TypeError:  # has no length, or an unknown one
        return None
