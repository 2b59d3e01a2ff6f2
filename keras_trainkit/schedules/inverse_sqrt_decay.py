"""One over the square root of the step."""

from __future__ import annotations

from typing import Any

from keras import ops

from keras_trainkit._core.arguments import number
from keras_trainkit._core.registration import register
from keras_trainkit.schedules.base import Schedule
from keras_trainkit.schedules.clock import Clock


@register
class InverseSqrtDecay(Schedule):
    """One over the square root of the step: a(t) = a0 / sqrt(max(t, 1)).

    The bare formula is infinite at t = 0, where training starts; there it is a0, as at t = 1.
    It has no end.  `Warmup(InverseSqrtDecay(d**-0.5), w)` is the transformer's schedule,
    d^-1/2 min(t^-1/2, t w^-3/2).

    Args:
        initial_learning_rate: a0, at least 0.

    Raises:
        ValueError: If the rate is negative or not a finite number.

    Example:

    >>> from keras_trainkit.schedules import InverseSqrtDecay, Warmup
    >>> [round(float(InverseSqrtDecay(0.1)(step)), 6) for step in (0, 1, 4, 100)]
    [0.1, 0.1, 0.05, 0.01]
    >>> transformer = Warmup(InverseSqrtDecay(512**-0.5), steps=4000)
    >>> [round(float(transformer(step)), 6) for step in (0, 2000, 4000, 16000)]
    [0.0, 0.000349, 0.000699, 0.000349]

    Source: Vaswani et al. 2017, "Attention is all you need", equation 3.
    """

    def __init__(self, initial_learning_rate: float) -> None:
        self.initial_learning_rate = number(
            self, "initial_learning_rate", initial_learning_rate, minimum=0
        )

    def curve(self, clock: Clock) -> Any:
        """The rate at a clock's reading, as float32."""
        return self.initial_learning_rate / ops.sqrt(ops.maximum(clock.steps(), 1.0))
