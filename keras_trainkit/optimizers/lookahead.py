"""Lookahead: k steps forward, one step back."""

from __future__ import annotations

from typing import Any

from keras import ops

from keras_trainkit._core.arguments import integer, number
from keras_trainkit._core.registration import register
from keras_trainkit.optimizers.wrapper import WrappingOptimizer


@register
class Lookahead(WrappingOptimizer):
    """Lets an optimizer take k steps, then goes only a part of the way that they went.

    With the slow weights z (first the model's) and the weights x after k steps:

        z += alpha (x - z);  x = z

    The wrapped optimizer's own state (momentum, moments) stays as it is. A step that it skips or
    only accumulates does not count. When training ends the model holds x, between two meetings a
    little ahead of z.

    Args:
        optimizer: Any Keras optimizer, or its name. The rate and all else is set there.
        sync_period: k, at least 1. Defaults to 6.
        slow_step_size: alpha, above 0, at most 1. Defaults to 0.5.
        **kwargs: `name`.

    Raises:
        ValueError: If an argument is out of its range, or is one of the wrapped optimizer's.

    Example:

    >>> import keras
    >>> from keras_trainkit.optimizers import SGD, Lookahead
    >>> weight = keras.Variable(1.0)
    >>> optimizer = Lookahead(SGD(learning_rate=0.25), sync_period=2)
    >>> for _ in range(2):  # 0.75, then 0.5, and half the way back
    ...     optimizer.apply([keras.ops.ones(())], [weight])
    >>> float(weight)
    0.75

    Source: Zhang, Lucas, Hinton, Ba, "Lookahead optimizer: k steps forward, 1 step back" (2019),
    Algorithm 1.
    """

    copy_name = "slow"

    def __init__(
        self, optimizer: Any, sync_period: int = 6, slow_step_size: float = 0.5, **kwargs: Any
    ) -> None:
        super().__init__(optimizer, **kwargs)
        self.sync_period = integer(self, "sync_period", sync_period, minimum=1)
        self.slow_step_size = number(self, "slow_step_size", slow_step_size, above=0, maximum=1)

    def before_step(self, t: Any) -> None:
        """The slow weights begin at the model's, whatever was loaded into it by now."""
        self.change_copies(t == 0, lambda slow, fast: fast, both=False)

    def after_step(self, t: Any, stepped: Any) -> None:
        """They meet."""
        due = ops.logical_and(stepped, t % self.sync_period == 0)
        self.change_copies(
            due, lambda slow, fast: slow + self.slow_step_size * (fast - slow), both=True
        )
