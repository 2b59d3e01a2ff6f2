"""Triangles."""

from __future__ import annotations

import math
from typing import Any

from keras import ops

from keras_trainkit._core.arguments import number, one_of, refuse
from keras_trainkit._core.registration import register
from keras_trainkit.schedules.base import Schedule, length
from keras_trainkit.schedules.clock import Clock


@register
class Cyclical(Schedule):
    """Up and down between two rates, over and over.

    With s = `step_size` and c = floor(t / 2s) the number of cycles behind,
    a(t) = base + (max - base) max(0, 1 - |t/s - 2c - 1|) h(t), where the height h is

    - `"triangular"`: 1,
    - `"triangular2"`: 2^-c, halved by each cycle,
    - `"exp_range"`: gamma^t.

    The paper's text lets both bounds fall in `"exp_range"`; as in its published code and in
    PyTorch it is the height over `base_learning_rate` that falls here.

    Args:
        base_learning_rate: The lower bound, at least 0.
        max_learning_rate: The upper bound, at least `base_learning_rate`.
        step_size: Half a cycle, a number of steps of at least 1; the paper advises 2 to 10
            epochs.
        mode: `"triangular"`, `"triangular2"` or `"exp_range"`.  Defaults to `"triangular"`.
        gamma: The height's factor a step in `"exp_range"`, above 0 and at most 1; other modes do
            not read it.  Defaults to the paper's 0.99994.

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    >>> from keras_trainkit.schedules import Cyclical
    >>> schedule = Cyclical(0.001, 0.006, step_size=2000, mode="triangular2")
    >>> [round(float(schedule(step)), 6) for step in (0, 1000, 2000, 4000, 6000)]
    [0.001, 0.0035, 0.006, 0.001, 0.0035]

    Source: Smith 2017, "Cyclical learning rates for training neural networks", section 3.
    """

    def __init__(
        self,
        base_learning_rate: float,
        max_learning_rate: float,
        step_size: int,
        mode: str = "triangular",
        gamma: float = 0.99994,
    ) -> None:
        self.base_learning_rate = number(self, "base_learning_rate", base_learning_rate, minimum=0)
        self.max_learning_rate = number(self, "max_learning_rate", max_learning_rate)
        if self.max_learning_rate < self.base_learning_rate:
            refuse(self, "max_learning_rate", "be at least `base_learning_rate`", max_learning_rate)
        self.step_size = length(self, "step_size", step_size)
        self.mode = one_of(self, "mode", mode, ("triangular", "triangular2", "exp_range"))
        self.gamma = number(self, "gamma", gamma, above=0, maximum=1)

    def curve(self, clock: Clock) -> Any:
        """The rate at a clock's reading, as float32."""
        cycles, within = clock.cycle(2 * self.step_size)
        falling = 2.0 * within.remaining(2 * self.step_size)
        triangle = ops.minimum(within.elapsed(self.step_size), falling)
        height = triangle * self._height(clock, cycles)
        return self.max_learning_rate * height + self.base_learning_rate * (1.0 - height)

    def _height(self, clock: Clock, cycles: Any) -> Any:
        if self.mode == "triangular2":
            return ops.power(0.5, ops.cast(cycles, "float32"))
        if self.mode == "exp_range":
            return ops.exp(clock.steps() * math.log(self.gamma))
        return 1.0
