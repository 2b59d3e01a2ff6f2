"""Small variables that are updated as one vector: a step costs operations, not numbers, there."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from keras_trainkit._core.lazy import tf
from keras_trainkit.optimizers.flat import Flat

SMALL = 2**13  # weights, above which joining and splitting costs more than the operations saved
MOST = 2**19  # weights of a vector: it should stay in the cache


@dataclass(frozen=True)
class Group:
    """Variables that are alike, and the vectors in which their slots lie one after the other."""

    indices: tuple[int, ...]
    flat: Flat
    slots: tuple[Any, ...]

    def parts(self, index: int) -> tuple[Part, ...]:
        """The slots of one of the variables."""
        place = self.indices.index(index)
        sizes = [math.prod(variable.shape) for variable in self.flat.variables]
        start, shape = sum(sizes[:place]), tuple(self.flat.variables[place].shape)
        return tuple(Part(slot, start, shape) for slot in self.slots)

    def mask(self, present: Collection[int]) -> np.ndarray:
        """Which numbers of the vectors belong to some of the variables."""
        sizes = [math.prod(variable.shape) for variable in self.flat.variables]
        return np.repeat([index in present for index in self.indices], sizes)


class Part(NamedTuple):
    """A slot that lies in a vector."""

    vector: Any
    start: int
    shape: tuple[int, ...]

    def numpy(self) -> np.ndarray:
        """Its value."""
        end = self.start + math.prod(self.shape)
        return self.vector.numpy()[self.start : end].reshape(self.shape)


def assign_all(values: Iterable[tuple[Any, Any]]) -> None:
    """Sets variables, and vectors all parts of which are given, in their order.

    A vector is set as a whole: one that is born inside of a graph cannot be read yet.
    """
    vectors: dict[int, tuple[Any, list[np.ndarray]]] = {}
    for place, value in values:
        if isinstance(place, Part):
            _, rows = vectors.setdefault(id(place.vector), (place.vector, []))
            rows.append(np.ravel(ops.convert_to_numpy(value)))
        else:
            place.assign(value)
    for vector, rows in vectors.values():
        vector.assign(np.concatenate(rows))


def alike(variables: Sequence[Any], kinds: Sequence[Hashable]) -> list[list[int]]:
    """The indices of small variables that are of one kind, where there are several.

    Variables on several devices are left alone: each has its own layout there.
    """
    if keras.distribution.distribution() is not None or _has_strategy():
        return []
    groups: dict[Hashable, list[int]] = {}
    sizes: Counter[Hashable] = Counter()
    for i, (variable, kind) in enumerate(zip(variables, kinds, strict=True)):
        size = math.prod(variable.shape)
        if kind is not None and size <= SMALL:
            sizes[kind] += size
            groups.setdefault((kind, sizes[kind] // MOST), []).append(i)
    return [group for group in groups.values() if len(group) > 1]


def _has_strategy() -> bool:
    return keras.backend.backend() == "tensorflow" and tf.distribute.has_strategy()
