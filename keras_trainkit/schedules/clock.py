"""A step as whole steps and a part of one, so that large counts lose nothing.

float32 counts exactly only to 2^24.  Here whole steps stay integers: boundaries are compared,
lengths subtracted and cycles divided as integers, and only a share in [0, 1] becomes float32.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops


@dataclass(frozen=True)
class Clock:
    """A reading of the training clock.  Lengths given to its methods are Python integers.

    Args:
        whole: Whole steps, an integer tensor of at least 0.
        part: What a float step has beyond them, a float32 tensor in [0, 1]; None for integer
            steps, which then compute nothing with it.
    """

    whole: Any
    part: Any = None

    @classmethod
    def read(cls, step: Any) -> Clock:
        """The clock at a step of any kind: number, NumPy scalar, tensor or Keras `Variable`.

        Negative steps and NaN read as 0, steps beyond the backend's integers as the last one.
        """
        if isinstance(step, np.generic | np.ndarray) and step.ndim == 0:
            step = step.item()
        if isinstance(step, numbers.Real):
            return cls._from_number(step)
        return cls._from_tensor(ops.convert_to_tensor(step))

    @classmethod
    def _from_number(cls, step: Any) -> Clock:
        dtype, _, last = _counting()
        # split in Python: as tensors, 2^24 + 1.5 would be rounded and 2^31 wrap round
        capped = min(step, last) if step > 0 else 0
        floor = math.floor(capped)
        whole = ops.convert_to_tensor(floor, dtype=dtype)
        if isinstance(step, numbers.Integral):
            return cls(whole)
        return cls(whole, ops.convert_to_tensor(float(capped - floor), dtype="float32"))

    @classmethod
    def _from_tensor(cls, step: Any) -> Clock:
        dtype, _, last = _counting()
        given = keras.backend.standardize_dtype(step.dtype)
        if keras.backend.is_int_dtype(given):
            if given != "int64":  # the one that may be wider than the clock
                step = ops.cast(step, dtype)
            return cls(ops.cast(ops.clip(step, 0, last), dtype))
        if given != "float64":
            step, given = ops.cast(step, "float32"), "float32"
        # NaN is not above 0 either
        capped = ops.clip(ops.where(step > 0, step, 0.0), 0.0, float(last))
        whole = ops.cast(capped, dtype)
        return cls(whole, ops.cast(capped - ops.cast(whole, given), "float32"))

    def number(self) -> Any:
        """The step as one tensor, for schedules that are not of the kit: integer if it was."""
        return self.whole if self.part is None else self.steps()

    def steps(self) -> Any:
        """The step, rounded to float32."""
        whole = ops.cast(self.whole, "float32")
        return whole if self.part is None else whole + self.part

    def elapsed(self, length: int) -> Any:
        """min(t, length) / length, in float32: 0 at the start, 1 from the end on."""
        return ops.minimum(self.steps(), float(length)) / float(length)

    def remaining(self, length: int) -> Any:
        """max(length - t, 0) / length, accurate down to the last step however large `length`."""
        end = _fit(length)
        left = ops.cast(end - ops.minimum(self.whole, end), "float32") + float(length - end)
        if self.part is not None:
            left = ops.maximum(left - self.part, 0.0)
        return left / float(length)

    def reached(self, boundary: int) -> Any:
        """Whether t >= boundary."""
        return self.whole >= _fit(boundary)

    def passed(self, boundaries: Sequence[int]) -> Any:
        """How many of the boundaries are reached, an int32 tensor."""
        behind = self.whole[..., None] >= _table(boundaries)
        return ops.sum(ops.cast(behind, "int32"), axis=-1)

    def since(self, start: int) -> Clock:
        """The clock that starts at `start` and stands at 0 before it."""
        start = _fit(start)
        return Clock(ops.maximum(self.whole - start, 0), self._part_where(self.whole >= start))

    def until(self, end: int) -> Clock:
        """The clock that stops at `end`."""
        end = _fit(end)
        return Clock(ops.minimum(self.whole, end), self._part_where(self.whole < end))

    def not_before(self, start: int) -> Clock:
        """The clock that stands at `start` until t gets there."""
        start = _fit(start)
        return Clock(ops.maximum(self.whole, start), self._part_where(self.whole >= start))

    def cycle(self, period: int) -> tuple[Any, Clock]:
        """The number of whole periods behind, and the clock within the present one."""
        period = _fit(period)
        return self.whole // period, Clock(self.whole % period, self.part)

    def stretched(self, starts: Sequence[int], factors: Sequence[int]) -> Clock:
        """The clock since the last of `starts` (from 0) reached, slowed by the factor beside it."""
        index = self.passed(starts[1:])
        within = self.whole - ops.take(_table(starts), index)
        factor = ops.take(_table(factors), index)
        beyond = Clock(within % factor, self.part).steps()
        return Clock(within // factor, beyond / ops.cast(factor, "float32"))

    def _part_where(self, condition: Any) -> Any:
        return None if self.part is None else ops.where(condition, self.part, 0.0)


def _counting() -> tuple[str, int, int]:
    """The clock's dtype, its largest value, and the last step it shows (a float32 number)."""
    dtype = keras.backend.standardize_dtype("int")  # that of `optimizer.iterations`
    bits = 63 if dtype == "int64" else 31
    return dtype, 2**bits - 1, 2**bits - 2 ** (bits - 24)


def _fit(length: int) -> int:
    """A length as the clock can hold it; one that it cannot is never reached."""
    return min(length, _counting()[1])


def _table(lengths: Sequence[int]) -> Any:
    return ops.convert_to_tensor([_fit(length) for length in lengths], dtype=_counting()[0])
