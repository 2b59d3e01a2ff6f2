"""An exponential moving average of the weights."""

from __future__ import annotations

from typing import Any

from keras import ops

from keras_trainkit._core.arguments import boolean, integer, number
from keras_trainkit._core.registration import register
from keras_trainkit.optimizers.averaging import AveragingOptimizer


@register
class MovingAverage(AveragingOptimizer):
    """Lets an optimizer take the steps, and keeps an exponential moving average of the weights.

    With the weights x after update t = 1, 2, ... and n = t - start_step:

        z = x                        while n <= 1
        z = d z + (1 - d) x          then

    with d = `average_decay`, or min(`average_decay`, (1 + n) / (10 + n)) where `dynamic_decay`.

    `fit` puts z into the model when it ends (as for Keras' `use_ema`, which is the same average
    with `average_decay` as `ema_momentum`, but in the variable's own dtype: in bfloat16 a share
    of 0.01 is lost to rounding, here the average is float32). Until then the model holds x;
    `assign_average_vars(model.trainable_variables)` puts z in at any time. Training that goes on
    afterwards goes on from z. For the statistics of batch normalisation see
    `renew_batch_normalization`.

    TensorFlow Addons begins with the weights before the first update, and a step earlier than it
    is told to.

    Args:
        optimizer: Any Keras optimizer, or its name. The rate and all else is set there.
        average_decay: d, in [0, 1). Defaults to 0.99.
        start_step: The number of updates before the average begins. Defaults to 0.
        dynamic_decay: Whether d starts small. Defaults to False.
        **kwargs: `name`.

    Raises:
        ValueError: If an argument is out of its range, or is one of the wrapped optimizer's.

    Example:

    >>> import keras
    >>> from keras_trainkit.optimizers import SGD, MovingAverage
    >>> weight = keras.Variable(1.0)
    >>> optimizer = MovingAverage(SGD(learning_rate=0.25), average_decay=0.5)
    >>> for _ in range(2):  # 0.75, then 0.5
    ...     optimizer.apply([keras.ops.ones(())], [weight])
    >>> optimizer.assign_average_vars([weight])
    >>> float(weight)
    0.625

    Source: Polyak and Juditsky, "Acceleration of stochastic approximation by averaging" (1992),
    with exponential weights.
    """

    def __init__(
        self,
        optimizer: Any,
        average_decay: float = 0.99,
        start_step: int = 0,
        dynamic_decay: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(optimizer, **kwargs)
        self.average_decay = number(self, "average_decay", average_decay, minimum=0.0, below=1.0)
        self.start_step = integer(self, "start_step", start_step, minimum=0)
        self.dynamic_decay = boolean(self, "dynamic_decay", dynamic_decay)

    def is_due(self, t: Any) -> Any:
        """Always."""
        return True

    def share(self, t: Any) -> Any:
        """1 - d."""
        n = ops.cast(t, "float32") - self.start_step
        share = 1 - self.average_decay
        if self.dynamic_decay:
            share = ops.maximum(share, 9 / (10 + ops.maximum(n, 0.0)))
        return ops.where(n <= 1, 1.0, share)

    def has_average(self, t: int) -> bool:
        """From the first update on."""
        return t > 0
