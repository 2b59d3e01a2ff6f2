"""Half a cosine wave."""

from __future__ import annotations

from typing import Any

from keras_trainkit._core.arguments import number, probability
from keras_trainkit._core.registration import register
from keras_trainkit.schedules.base import Schedule, length
from keras_trainkit.schedules.clock import Clock
from keras_trainkit.schedules.easing import cosine


@register
class CosineDecay(Schedule):
    """Half a cosine wave down to a floor: a(t) = a0 (alpha + (1 - alpha) (1 + cos(pi t/T)) / 2).

    From t = T on the rate stays at the floor, alpha a0.  The arguments are those of
    `keras.optimizers.schedules.CosineDecay`, save its warm-up, which is `Warmup` here; the step
    is not rounded to float32, and the last steps before T keep all their digits.

    Args:
        initial_learning_rate: a0, at least 0.
        decay_steps: T, a number of steps of at least 1.
        alpha: The floor, as a share of `initial_learning_rate`, in [0, 1].  Defaults to 0.

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    >>> from keras_trainkit.schedules import CosineDecay
    >>> schedule = CosineDecay(0.1, decay_steps=1000, alpha=0.01)
    >>> [round(float(schedule(step)), 6) for step in (0, 500, 1000, 2000)]
    [0.1, 0.0505, 0.001, 0.001]

    Source: Loshchilov & Hutter 2017, "SGDR: stochastic gradient descent with warm restarts",
    equation 5, with one period.
    """

    def __init__(self, initial_learning_rate: float, decay_steps: int, alpha: float = 0.0) -> None:
        self.initial_learning_rate = number(
            self, "initial_learning_rate", initial_learning_rate, minimum=0
        )
        self.decay_steps = length(self, "decay_steps", decay_steps)
        self.alpha = probability(self, "alpha", alpha)

    def curve(self, clock: Clock) -> Any:
        """The rate at a clock's reading, as float32."""
        floor = self.alpha * self.initial_learning_rate
        wave = cosine(clock.remaining(self.decay_steps))
        return self.initial_learning_rate * wave + floor * (1.0 - wave)
