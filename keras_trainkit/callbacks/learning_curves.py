"""Learning curves while training, and what they say."""

from __future__ import annotations

import math
import os
import time
import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_trainkit._core import arguments
from keras_trainkit._core.whole_file import whole_file
from keras_trainkit.callbacks._batch_losses import BatchLosses
from keras_trainkit.callbacks._direction import direction
from keras_trainkit.callbacks.diagnose import diagnose
from keras_trainkit.callbacks.diagnosis import Diagnosis
from keras_trainkit.callbacks.draw_curves import Curves, draw_curves, require_matplotlib

_SHARE = 20  # drawing takes at most a twentieth of the time


class LearningCurves(keras.callbacks.Callback):
    """Draws the learning curves while training, and says at the end what they ask for.

    The picture has the loss of each batch as points with a moving average, the validation loss,
    and the training and validation metric by epoch; above them stands the verdict of
    `tuning.diagnose`. It is written after the first epoch, then at most every `every` seconds, and
    at the end. An interrupted `fit` leaves the last one; the file is never half-written.

    The loss of a batch is the growth of the loss metric's total over the growth of its count,
    so it is right for ragged batches and sample weights, where `logs["loss"]` is the mean of the
    epoch so far. With `steps_per_execution=k` a point is the mean of k batches, and labelled so.

    Args:
        path: Where the picture goes: `.png`, `.svg` or `.pdf`. None draws nothing.
        every: The least number of seconds between two pictures. They also never take more than a
            twentieth of the time.
        metric: The metric of the second panel, which the verdict reads; the first accuracy
            where it is None, else the loss.
        mode: `"max"` where more of `metric` is better, `"min"` where less is, `"auto"` to go by
            its name.
        batches_per_point: How many batches a point of the loss is the mean of. None is 1, but 10
            on the JAX backend, where to read the loss in the middle of an epoch is to copy the
            whole state out of the training loop (5 to 10 microseconds for each variable).
        verbose: 0 prints nothing.

    Attributes:
        curves: The `Curves` so far.
        reading: The `Diagnosis` of the last picture, or of the end; None before.

    Raises:
        ValueError: If an argument breaks its rule.
        ModuleNotFoundError: If there is a `path` and no matplotlib.

    Example:

    >>> curves = LearningCurves()
    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> x = keras.ops.ones((6, 1))
    >>> _ = model.fit(x, x, batch_size=4, epochs=2, verbose=0, callbacks=[curves])
    ... # doctest: +ELLIPSIS
    Learning curves: Too short to judge. A trend takes at least 5 epochs; after 2: training ...
    >>> print(curves.curves.positions)  # two batches an epoch
    [0.5 1.  1.5 2. ]

    Source: CS231n 2020, lecture 8, "Look at learning curves!".
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        every: float = 10.0,
        metric: str | None = None,
        mode: str = "auto",
        batches_per_point: int | None = None,
        verbose: int = 1,
    ) -> None:
        super().__init__()
        self.path = None if path is None else os.fspath(path)
        if self.path is not None:
            if Path(self.path).suffix not in (".png", ".svg", ".pdf"):
                arguments.refuse(self, "path", "end in .png, .svg or .pdf", self.path)
            require_matplotlib()  # now, not after the first epoch
        self.every = arguments.number(self, "every", every, minimum=0)
        self.metric = metric
        self.mode = mode
        if metric is not None:
            direction(self, "metric", metric, mode)
        if batches_per_point is not None:
            batches_per_point = arguments.integer(self, "batches_per_point", batches_per_point, 1)
        self.batches_per_point = batches_per_point
        self.verbose = verbose
        self._reset()

    def _reset(self) -> None:
        self.reading: Diagnosis | None = None
        self._losses = BatchLosses()
        self._history: dict[str, list[float]] = {}
        self._epochs: list[int] = []
        self._batch = self._first_epoch = 0
        self._tracker: Any = None
        self._next_picture = time.monotonic() + self.every

    @property
    def curves(self) -> Curves:
        """What has been measured so far."""
        positions = self._first_epoch + self._losses.positions(self._steps)
        losses = np.asarray(self._losses.losses)
        return Curves(positions, losses, self._losses.batches, self._history, tuple(self._epochs))

    @property
    def _steps(self) -> int | None:
        return (self.params or {}).get("steps")

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Finds the loss metric."""
        self._reset()
        self._tracker = next((m for m in self.model.metrics if _is_mean_loss(m)), None)
        self._stride = self.batches_per_point or (10 if keras.backend.backend() == "jax" else 1)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Keras has reset the metrics."""
        if not self._epochs:
            self._first_epoch = epoch
        self._losses.start_epoch()
        self._batch = 0

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Takes the loss of the batches since the last point."""
        # With steps_per_execution, the last call of an epoch may count batches that were not there.
        self._batch = min(batch + 1, self._steps or batch + 1)
        if self._batch - self._losses.last >= self._stride:
            self._read_loss()
            if time.monotonic() >= self._next_picture:
                self._draw()

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Validation resets the metrics: what is left of the epoch is taken before."""
        self._read_rest()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Takes the values of the epoch."""
        self._read_rest()
        values = {k: float(v) for k, v in (logs or {}).items() if isinstance(v, int | float)}
        for name in {**self._history, **values}:
            missing = [math.nan] * len(self._epochs)
            self._history.setdefault(name, missing).append(values.get(name, math.nan))
        self._epochs.append(epoch + 1)
        if len(self._epochs) == 1 or time.monotonic() >= self._next_picture:
            self._draw()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """The last picture, and the verdict."""
        self._draw()
        if self.verbose and self.reading:
            where = f" Picture: {self.path}" if self.path else ""
            print(f"Learning curves: {self.reading.headline}. {self.reading.verdict}{where}")

    def _read_rest(self) -> None:
        if self._batch > self._losses.last:
            self._read_loss()

    def _read_loss(self) -> None:
        if self._tracker is not None:
            _ = self.model  # on JAX, this copies the state out of the training loop
            total, count = float(self._tracker.total), float(self._tracker.count)
            self._losses.read(self._batch, total, count)

    def _draw(self) -> None:
        begin = time.monotonic()
        self.reading = diagnose(self._history or {"loss": ()}, self.metric, self.mode)
        if self.path is not None:
            try:
                with whole_file(self.path) as part:
                    draw_curves(self.curves, self.reading).savefig(part)
            except OSError as error:  # a full disk is no reason to lose the training
                warnings.warn(f"`LearningCurves`: no picture at {self.path}: {error}", stacklevel=2)
        end = time.monotonic()
        self._next_picture = end + max(self.every, _SHARE * (end - begin))


def _is_mean_loss(metric: Any) -> bool:
    return metric.name == "loss" and hasattr(metric, "total") and hasattr(metric, "count")
