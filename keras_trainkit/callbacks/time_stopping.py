"""A budget of time for training."""

from __future__ import annotations

import datetime
import time
from typing import Any

import keras

from keras_trainkit._core import arguments


class TimeStopping(keras.callbacks.Callback):
    """Stops training when its time is spent.

    Name and arguments are TensorFlow Addons', which looks at the clock between epochs only and so
    may be an epoch late. Here training stops after the batch in which the time is up. Keras then
    ends the epoch as it ends any other: it validates, and `History` has an entry for it, whose
    training metrics are those of the batches that were there. The clock is the machine's
    monotonic one; it starts with `fit`, so that compiling and validating count.

    Args:
        seconds: The budget of one `fit`, at least 0: with 0 one batch (or epoch) is trained on.
            Defaults to a day.
        verbose: 1 says that training was stopped, and when.
        at: `"batch"`, or `"epoch"` to finish the epoch that has begun.

    Attributes:
        stopped_epoch: The epoch, counted from 0, in which training was stopped; None where it
            came to its own end.

    Raises:
        ValueError: If an argument breaks its rule.

    Example:

    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> x = keras.ops.ones((4, 1))
    >>> stopping = TimeStopping(seconds=0, verbose=1)
    >>> history = model.fit(x, x, epochs=100, verbose=0, callbacks=[stopping])
    Stopped in epoch 1: the time of 0:00:00 is spent.
    >>> history.epoch
    [0]

    Source: TensorFlow Addons' callback of this name.
    """

    def __init__(self, seconds: float = 86400, verbose: int = 0, at: str = "batch") -> None:
        super().__init__()
        self.seconds = arguments.number(self, "seconds", seconds, minimum=0)
        self.verbose = verbose
        self.at = arguments.one_of(self, "at", at, ("batch", "epoch"))
        self.stopped_epoch: int | None = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Starts the clock."""
        self.stopped_epoch = None
        self._end = time.monotonic() + self.seconds

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Knows the epoch."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Stops."""
        if self.at == "batch":
            self._look()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Stops: validation may have taken the rest."""
        if epoch + 1 < self.params["epochs"]:
            self._look()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Says so."""
        if self.verbose and self.stopped_epoch is not None:
            budget = datetime.timedelta(seconds=self.seconds)
            print(f"Stopped in epoch {self.stopped_epoch + 1}: the time of {budget} is spent.")

    def _look(self) -> None:
        if self.stopped_epoch is None and time.monotonic() >= self._end:
            self.stopped_epoch = self._epoch
            self.model.stop_training = True
