"""The learning rate in the log, whatever sets it."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


class LearningRateLogger(keras.callbacks.Callback):
    """Adds `learning_rate` to the logs of each epoch: the rate of the epoch's last step.

    `History` has it then, and so have the callbacks that stand after this one in the list
    (`CSVLogger`, `TensorBoard`), whether the optimizer's rate is a number, a schedule or
    inside a `LossScaleOptimizer`. A callback that changed the rate for the next epoch and
    logged the one used (`ReduceLROnPlateau`, `LearningRateScheduler`) keeps its entry.

    Example:

    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    >>> decay = keras.optimizers.schedules.InverseTimeDecay(0.1, decay_steps=1, decay_rate=1.0)
    >>> model.compile(keras.optimizers.SGD(decay), "mse")
    >>> x = keras.ops.ones((4, 1))
    >>> history = model.fit(
    ...     x, x, batch_size=2, epochs=2, verbose=0, callbacks=[LearningRateLogger()]
    ... )
    >>> [round(rate, 3) for rate in history.history["learning_rate"]]  # 0.1 / (1 + step)
    [0.05, 0.025]

    Source: Keras' `LearningRateScheduler`, for the name of the entry.
    """

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Writes the entry."""
        if logs is not None:
            logs.setdefault("learning_rate", last_learning_rate(self.model.optimizer))


def last_learning_rate(optimizer: keras.optimizers.Optimizer) -> float:
    """The learning rate of the step that `optimizer` took last.

    `optimizer.learning_rate` is the rate of the NEXT step: the step counter stands one further
    by then.

    Args:
        optimizer: A Keras optimizer, or a wrapper with its `iterations` and `learning_rate`.

    Returns:
        The rate; before any step, that of the first.

    Example:

    >>> decay = keras.optimizers.schedules.InverseTimeDecay(0.1, decay_steps=1, decay_rate=1.0)
    >>> optimizer = keras.optimizers.SGD(decay)
    >>> _ = optimizer.iterations.assign(2)  # two steps taken, at 0.1 and 0.05
    >>> round(last_learning_rate(optimizer), 3), round(float(optimizer.learning_rate), 3)
    (0.05, 0.033)
    """
    last = ops.maximum(optimizer.iterations - 1, 0)
    # The scope lets the schedule read the last step's number; the counter itself stays.
    with keras.StatelessScope([(optimizer.iterations, last)]):
        return float(ops.convert_to_numpy(optimizer.learning_rate))
