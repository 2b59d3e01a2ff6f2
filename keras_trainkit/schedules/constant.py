"""One rate for ever."""

from __future__ import annotations

from typing import Any

from keras import ops

from keras_trainkit._core.arguments import number
from keras_trainkit._core.registration import register
from keras_trainkit.schedules.base import Schedule
from keras_trainkit.schedules.clock import Clock


@register
class Constant(Schedule):
    """The same learning rate at every step: a(t) = a0.

    For a stretch of a `Join`, and to look at a fixed rate beside others in `plot`; an optimizer
    takes the number itself.

    Args:
        learning_rate: a0, at least 0.

    Raises:
        ValueError: If the rate is negative or not a finite number.

    Example:

    >>> from keras_trainkit.schedules import Constant
    >>> round(float(Constant(0.1)(1000)), 6)
    0.1
    """

    def __init__(self, learning_rate: float) -> None:
        self.learning_rate = number(self, "learning_rate", learning_rate, minimum=0)

    def curve(self, clock: Clock) -> Any:
        """The rate at a clock's reading, as float32."""
        return ops.convert_to_tensor(self.learning_rate, dtype="float32")
