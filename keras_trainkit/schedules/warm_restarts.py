"""A schedule over and over, slower each time."""

from __future__ import annotations

from typing import Any

import keras

from keras_trainkit._core.arguments import integer
from keras_trainkit._core.registration import register
from keras_trainkit.schedules.base import Schedule, length
from keras_trainkit.schedules.clock import Clock
from keras_trainkit.schedules.combining import as_schedule, rate_of


@register
class WarmRestarts(Schedule):
    """Any schedule, started again after periods that grow.

    Period i is T_i = steps growth^i steps long, and in it the wrapped schedule s runs growth^i
    times slower, so that every period shows all of it: a(t) = s((t - start_i) / growth^i), where
    start_i is the sum of the periods before.

    With `growth=1` a schedule that is not of the kit is called with whole steps; with a larger
    one it must take float steps, as Keras' own do.

    Args:
        schedule: Any `keras.optimizers.schedules.LearningRateSchedule`, as it runs in the first
            period, or a number.
        steps: T_0, a number of steps of at least 1; as a rule the schedule's own length.
        growth: The ratio of each period to the one before, a whole number of at least 1.
            Defaults to 2.

    Raises:
        ValueError: If an argument is out of its range, or `schedule` is none.

    Example:

    >>> from keras_trainkit.schedules import CosineDecay, WarmRestarts
    >>> schedule = WarmRestarts(CosineDecay(0.1, 1000), steps=1000)
    >>> [round(float(schedule(step)), 6) for step in (0, 500, 1000, 2000, 3000)]
    [0.1, 0.05, 0.1, 0.05, 0.1]

    Source: Loshchilov & Hutter 2017, "SGDR: stochastic gradient descent with warm restarts",
    section 3 (T_0 and T_mult).
    """

    def __init__(
        self,
        schedule: keras.optimizers.schedules.LearningRateSchedule | float,
        steps: int,
        growth: int = 2,
    ) -> None:
        self.schedule = as_schedule(self, "schedule", schedule)
        self.steps = length(self, "steps", steps)
        self.growth = integer(self, "growth", growth, minimum=1)

    def curve(self, clock: Clock) -> Any:
        """The rate at a clock's reading, as float32."""
        if self.growth == 1:
            _, within = clock.cycle(self.steps)
            return rate_of(self.schedule, within)
        starts, factors = [0], [1]
        while starts[-1] < 2**63:
            starts.append(starts[-1] + self.steps * factors[-1])
            factors.append(factors[-1] * self.growth)
        return rate_of(self.schedule, clock.stretched(starts, factors))
