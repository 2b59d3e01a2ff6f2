"""A straight line down."""

from __future__ import annotations

from typing import Any

from keras_trainkit._core.arguments import number
from keras_trainkit._core.registration import register
from keras_trainkit.schedules.base import Schedule, length
from keras_trainkit.schedules.clock import Clock


@register
class LinearDecay(Schedule):
    """A straight line down to 0: a(t) = a0 (1 - t/T), and 0 from t = T on.

    Args:
        initial_learning_rate: a0, at least 0.
        decay_steps: T, a number of steps of at least 1.

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    >>> from keras_trainkit.schedules import LinearDecay
    >>> schedule = LinearDecay(0.1, decay_steps=1000)
    >>> [round(float(schedule(step)), 6) for step in (0, 250, 1000, 2000)]
    [0.1, 0.075, 0.0, 0.0]

    Source: Devlin et al. 2018, "BERT: pre-training of deep bidirectional transformers for
    language understanding", appendix A.2.
    """

    def __init__(self, initial_learning_rate: float, decay_steps: int) -> None:
        self.initial_learning_rate = number(
            self, "initial_learning_rate", initial_learning_rate, minimum=0
        )
        self.decay_steps = length(self, "decay_steps", decay_steps)

    def curve(self, clock: Clock) -> Any:
        """The rate at a clock's reading, as float32."""
        return self.initial_learning_rate * clock.remaining(self.decay_steps)
