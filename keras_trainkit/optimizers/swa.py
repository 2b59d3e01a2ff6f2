"""Stochastic weight averaging."""

from __future__ import annotations

from typing import Any

from keras import ops

from keras_trainkit._core.arguments import integer
from keras_trainkit._core.registration import register
from keras_trainkit.optimizers.averaging import AveragingOptimizer


@register
class SWA(AveragingOptimizer):
    """Lets an optimizer take the steps, and keeps the mean of the weights of every k-th one.

    The weights after the updates `start_averaging`, and every `average_period` updates from
    there, go into the mean with equal weight (with a `start_averaging` of 0 first those after
    `average_period`, not the untrained ones). The rate meanwhile stays high or goes round:
    `schedules.Cyclical`, `schedules.WarmRestarts`, a constant; with the period of the cycle, the
    weights are taken at its end.

    `fit` puts the mean into the model when it ends, if there is one yet; until then the model
    holds the weights in training. `assign_average_vars(model.trainable_variables)` puts it in at
    any time. **Then** call `renew_batch_normalization(model, train_data)`: the statistics that
    batch normalisation has gathered belong to the weights in training, not to their mean.

    TensorFlow Addons takes the weights one update later than here, and float32 ones only.

    Args:
        optimizer: Any Keras optimizer, or its name. The rate and all else is set there.
        start_averaging: The update from which on the mean is taken, at least 0. Usually after
            three quarters of the training. Defaults to 0.
        average_period: The number of updates from one to the next, at least 1; often an epoch.
            Defaults to 10.
        **kwargs: `name`.

    Raises:
        ValueError: If an argument is out of its range, or is one of the wrapped optimizer's.

    Example:

    >>> import keras
    >>> from keras_trainkit.optimizers import SGD, SWA
    >>> weight = keras.Variable(1.0)
    >>> optimizer = SWA(SGD(learning_rate=0.25), start_averaging=1, average_period=2)
    >>> for _ in range(3):  # 0.75, 0.5, 0.25: the mean of the first and the third
    ...     optimizer.apply([keras.ops.ones(())], [weight])
    >>> optimizer.assign_average_vars([weight])
    >>> float(weight)
    0.5

    Source: Izmailov et al., "Averaging weights leads to wider optima and better generalization"
    (2018), Algorithm 1.
    """

    def __init__(
        self, optimizer: Any, start_averaging: int = 0, average_period: int = 10, **kwargs: Any
    ) -> None:
        super().__init__(optimizer, **kwargs)
        self.start_averaging = integer(self, "start_averaging", start_averaging, minimum=0)
        self.average_period = integer(self, "average_period", average_period, minimum=1)

    def is_due(self, t: Any) -> Any:
        """At the start, and every period from there."""
        since = t - self.start_averaging
        return ops.logical_and(since >= 0, since % self.average_period == 0)

    def share(self, t: Any) -> Any:
        """One part in the number of weights taken by now."""
        taken = (t - self.start_averaging) // self.average_period + (self.start_averaging > 0)
        return 1 / ops.cast(ops.maximum(taken, 1), "float32")

    def has_average(self, t: int) -> bool:
        """From the first weights taken on."""
        return t >= (self.start_averaging or self.average_period)
