"""A gentle start for any schedule."""

from __future__ import annotations

from typing import Any

import keras

from keras_trainkit._core.arguments import boolean, number
from keras_trainkit._core.registration import register
from keras_trainkit.schedules.base import Schedule, length
from keras_trainkit.schedules.clock import Clock
from keras_trainkit.schedules.combining import as_schedule, rate_of


@register
class Warmup(Schedule):
    """A straight line up to any schedule, which then goes on.

    With s the wrapped schedule and w = `steps`,

    - a(t) = start + (s(w) - start) t/w for t < w, then s(t): the warm-up does not stop the
      schedule's clock, so boundaries at epochs 30, 60 and 90 stay there;
    - with `shift=True`, a(t) = start + (s(0) - start) t/w for t < w, then s(t - w): the schedule
      begins after the warm-up, and everything in it comes w steps later.

    The first step of all is made with `start`: with the default 0 it moves nothing.

    Args:
        schedule: Any `keras.optimizers.schedules.LearningRateSchedule`, Keras' own too, or a
            number.
        steps: w, a number of steps of at least 1; the lecture advises about 5,000.
        start: The rate at t = 0, at least 0.  Defaults to 0.
        shift: Whether the schedule begins after the warm-up.  Defaults to False.

    Raises:
        ValueError: If an argument is out of its range, or `schedule` is none.

    Example:

    >>> from keras_trainkit.schedules import StepDecay, Warmup
    >>> schedule = Warmup(StepDecay(0.1, [30_000, 60_000]), steps=5_000)
    >>> [round(float(schedule(step)), 6) for step in (0, 2_500, 5_000, 29_999, 30_000)]
    [0.0, 0.05, 0.1, 0.1, 0.01]

    Source: Goyal et al. 2017, "Accurate, large minibatch SGD: training ImageNet in 1 hour",
    section 2.2.
    """

    def __init__(
        self,
        schedule: keras.optimizers.schedules.LearningRateSchedule | float,
        steps: int,
        start: float = 0.0,
        shift: bool = False,
    ) -> None:
        self.schedule = as_schedule(self, "schedule", schedule)
        self.steps = length(self, "steps", steps)
        self.start = number(self, "start", start, minimum=0)
        self.shift = boolean(self, "shift", shift)

    def curve(self, clock: Clock) -> Any:
        """The rate at a clock's reading, as float32."""
        # a clock that waits makes s(w) and s(t) one evaluation
        waiting = clock.since(self.steps) if self.shift else clock.not_before(self.steps)
        left, done = clock.remaining(self.steps), clock.elapsed(self.steps)
        return self.start * left + rate_of(self.schedule, waiting) * done
