"""Schedules one after another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_trainkit._core.arguments import refuse
from keras_trainkit._core.registration import register
from keras_trainkit.schedules.base import Schedule, length
from keras_trainkit.schedules.clock import Clock
from keras_trainkit.schedules.combining import as_schedule, rate_of


@register
class Join(Schedule):
    """Schedules one after another, each on a clock of its own that starts at 0.

    With the lengths n_i and start_i their sum before piece i, a(t) = s_i(t - start_i) for t in
    [start_i, start_i + n_i).  From the end of the last piece on the rate stays s_last(n_last).

    Args:
        schedules: Pairs (schedule, steps), at least one: any
            `keras.optimizers.schedules.LearningRateSchedule` or a number, and for how many steps
            (at least 1) it holds.

    Raises:
        ValueError: If `schedules` is empty or is no sequence of such pairs.

    Example:

    >>> from keras_trainkit.schedules import CosineDecay, Join
    >>> schedule = Join([(0.01, 100), (0.1, 400), (CosineDecay(0.1, 500), 500)])
    >>> [round(float(schedule(step)), 6) for step in (99, 100, 750, 1000)]
    [0.01, 0.1, 0.05, 0.0]
    """

    def __init__(
        self,
        schedules: Sequence[tuple[keras.optimizers.schedules.LearningRateSchedule | float, int]],
    ) -> None:
        pairs = schedules if isinstance(schedules, list | tuple) else ()
        if not pairs or any(not isinstance(p, list | tuple) or len(p) != 2 for p in pairs):
            refuse(self, "schedules", "be a sequence of pairs (schedule, steps)", schedules)
        self.schedules = tuple(
            (as_schedule(self, "schedules", schedule), length(self, "schedules", steps))
            for schedule, steps in pairs
        )

    def curve(self, clock: Clock) -> Any:
        """The rate at a clock's reading, as float32."""
        start, rate = 0, 0.0
        for schedule, steps in self.schedules:
            piece = rate_of(schedule, clock.since(start).until(steps))
            rate = ops.where(clock.reached(start), piece, rate)
            start += steps
        return rate
