"""A staircase."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from keras import ops

from keras_trainkit._core.arguments import number, refuse
from keras_trainkit._core.registration import register
from keras_trainkit.schedules.base import Schedule, length
from keras_trainkit.schedules.clock import Clock


@register
class StepDecay(Schedule):
    """The rate times a factor at each boundary: a(t) = a0 factor^(number of boundaries passed).

    A boundary b counts as passed from t = b on, so that a boundary after epoch 30 gives the whole
    of the next epoch the new rate.  (`keras.optimizers.schedules.PiecewiseConstantDecay` changes
    one step later.)

    Args:
        initial_learning_rate: a0, at least 0.
        boundaries: Steps, whole numbers of at least 1 that increase; `in_epochs` makes them from
            epochs.
        factor: What the rate is multiplied with, above 0 and at most 1.  Defaults to 0.1.

    Raises:
        ValueError: If a rate or factor is out of its range or the boundaries do not increase.

    Example: residual networks divide the rate by 10 after epochs 30, 60 and 90.

    >>> from keras_trainkit.schedules import StepDecay, in_epochs
    >>> schedule = StepDecay(0.1, in_epochs([30, 60, 90], steps_per_epoch=5004))
    >>> [round(float(schedule(step)), 6) for step in (0, 30 * 5004 - 1, 30 * 5004, 60 * 5004)]
    [0.1, 0.1, 0.01, 0.001]

    Source: He et al. 2016, "Deep residual learning for image recognition", section 3.4.
    """

    def __init__(
        self, initial_learning_rate: float, boundaries: Sequence[int], factor: float = 0.1
    ) -> None:
        self.initial_learning_rate = number(
            self, "initial_learning_rate", initial_learning_rate, minimum=0
        )
        if isinstance(boundaries, str) or not isinstance(boundaries, Sequence | np.ndarray):
            refuse(self, "boundaries", "be a sequence of steps", boundaries)
        self.boundaries = tuple(length(self, "boundaries", boundary) for boundary in boundaries)
        if any(b <= a for a, b in pairwise(self.boundaries)):
            refuse(self, "boundaries", "increase from each to the next", boundaries)
        self.factor = number(self, "factor", factor, above=0, maximum=1)

    def curve(self, clock: Clock) -> Any:
        """The rate at a clock's reading, as float32."""
        stairs = range(len(self.boundaries) + 1)
        rates = [self.initial_learning_rate * self.factor**passed for passed in stairs]
        return ops.take(ops.convert_to_tensor(rates, "float32"), clock.passed(self.boundaries))
