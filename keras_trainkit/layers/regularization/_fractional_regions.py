"""The pooling regions of one axis, as the boundaries between them: 0, ..., `length`."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import keras
from keras import ops


def count_regions(length: Any, ratio: float) -> Any:
    """floor(length / ratio), and at least half the length: no region is wider than two.

    `length` is an integer, or an integer tensor where a size is known only at run time.
    """
    # A ratio of 1.1 is meant as 11/10, whatever its nearest float, so that 11 pixels give 10.
    exact = Fraction(ratio).limit_denominator(10_000)
    count, half = length * exact.denominator // exact.numerator, (length + 1) // 2
    return max(count, half) if isinstance(length, int) else ops.maximum(count, half)


def random_boundaries(length: Any, count: Any, seed: Any) -> Any:
    """Boundaries whose distances are a random permutation of the right number of twos and ones."""
    order = ops.argsort(keras.random.uniform((count,), dtype="float32", seed=seed))
    wide = ops.cast(order, "int32") < length - count
    ends = ops.cumsum(1 + ops.cast(wide, "int32"))
    return ops.concatenate([ops.zeros((1,), "int32"), ops.cast(ends, "int32")])


def pseudo_random_boundaries(length: Any, count: Any, phase: Any) -> Any:
    """Graham's ceil(alpha (i + u)), alpha = length / count, counted from 0, in whole numbers.

    The sequence starts where it should for u up to 1 / alpha (a larger u gives one of these
    again, moved by a pixel), and alpha u matters only up to the next multiple of 1 / count: the
    phase, from 0 to count - 1.
    """
    steps = ops.arange(count + 1, dtype="int32")
    return (steps * length + phase) // count


def drawn_phase(count: Any, seed: Any) -> Any:
    """Every pseudo-random sequence is as likely as the next."""
    return keras.random.randint((), 0, count, dtype="int32", seed=seed)


def middle_phase(length: Any) -> Any:
    """The phase of u = 1/2."""
    return (length - 1) // 2
