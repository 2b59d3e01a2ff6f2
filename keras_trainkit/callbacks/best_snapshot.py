"""Early stopping and the best snapshot: "always do this"."""

from __future__ import annotations

import math
import os
import sys
import warnings
from typing import Any

import keras

from keras_trainkit._core import arguments
from keras_trainkit._core.whole_file import whole_file
from keras_trainkit.callbacks._direction import direction


def best_snapshot(
    path: str | os.PathLike[str],
    monitor: str = "val_accuracy",
    patience: int | None = None,
    mode: str = "auto",
    verbose: int = 0,
) -> list[keras.callbacks.Callback]:
    """Keras' `ModelCheckpoint` and `EarlyStopping`, set so that the best epoch is what is left.

    After `fit` the model holds the weights of its best epoch, and `path` the same model on
    disk. After Ctrl-C (or a crash) the model holds the last weights, and `path` the best so
    far: the file is replaced in one move, so that it is whole at any time. (A file that an
    earlier run left at `path` stays until the first epoch has ended.)

    What is set right, compared with the two classes on their own: the direction comes from
    the metric's name before training starts, or is asked for; an epoch without validation
    (`validation_freq=2`) is passed over, where `ModelCheckpoint` would overwrite the best; a
    NaN never counts as the best; a monitor that nothing reports is an error after one epoch.

    Args:
        path: Where the snapshot goes, on a local disk: `.keras` keeps the whole model,
            `.weights.h5` its weights. Folders are made as needed.
        monitor: The entry of the logs that decides. Of equals the earliest is kept.
        patience: Stop after so many epochs without a new best; `None` trains to the end.
        mode: `"max"`, `"min"`, or `"auto"`, which knows losses, errors, accuracies and their like.
        verbose: 1 says when training stops early and which epoch is put back.

    Returns:
        The list `[ModelCheckpoint, EarlyStopping]`, to be added to the callbacks of `fit`; each
        `fit` starts its search afresh.

    Raises:
        ValueError: If an argument breaks its rule.

    Example:

    >>> import pathlib, tempfile
    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> x = keras.ops.ones((4, 1))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     snapshot = best_snapshot(pathlib.Path(folder) / "best.keras", monitor="val_loss")
    ...     _ = model.fit(
    ...         x, x, epochs=3, validation_data=(x, x), callbacks=snapshot, verbose=0
    ...     )
    ...     best = keras.saving.load_model(pathlib.Path(folder) / "best.keras")
    >>> bool(keras.ops.all(best.weights[0] == model.weights[0]))
    True

    Source: CS231n 2020, lecture 8, "Early stopping: always do this".
    """
    owner = "best_snapshot"
    path = os.fspath(path)
    if not path.endswith((".keras", ".weights.h5")) or "://" in path:
        arguments.refuse(owner, "path", "be a local file ending in .keras or .weights.h5", path)
    mode = direction(owner, "monitor", monitor, mode)
    if patience is not None:
        patience = arguments.integer(owner, "patience", patience, 0)
    checkpoint = _Checkpoint(
        path,
        monitor=monitor,
        mode=mode,
        save_best_only=True,
        save_weights_only=path.endswith(".weights.h5"),
    )
    # Without a patience it never stops, but still puts the best weights back at the end.
    stopping = _Stopping(
        monitor=monitor,
        mode=mode,
        patience=sys.maxsize if patience is None else patience,
        restore_best_weights=True,
        verbose=verbose,
    )
    return [checkpoint, stopping]


class _Judging:
    """Shows a monitoring callback only the epochs that measured something, NaN as the worst."""

    monitor: str
    mode: str

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        logs = dict(logs or {})
        if self.monitor not in logs:
            self.miss(logs)
            return
        if math.isnan(logs[self.monitor]):
            logs[self.monitor] = math.inf if self.mode == "min" else -math.inf
        super().on_epoch_end(epoch, logs)  # type: ignore[misc]

    def miss(self, logs: dict[str, Any]) -> None:
        """An epoch that did not report the monitor."""


class _Checkpoint(_Judging, keras.callbacks.ModelCheckpoint):
    """`ModelCheckpoint` whose file is never half-written."""

    filepath: str

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.best = None  # as EarlyStopping does, so that both judge the same epochs
        self.missed = False

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        path = self.filepath
        with whole_file(path) as part:
            self.filepath = str(part).replace("{", "{{").replace("}", "}}")
            try:
                super().on_epoch_end(epoch, logs)
            finally:
                self.filepath = path

    def miss(self, logs: dict[str, Any]) -> None:
        validated = any(name.startswith("val_") for name in logs)
        if validated or not self.monitor.startswith("val_"):
            names = ", ".join(sorted(logs))
            arguments.refuse(
                "best_snapshot", "monitor", f"be one of what is logged ({names})", self.monitor
            )
        if not self.missed:
            self.missed = True
            warnings.warn(
                f"`best_snapshot`: this epoch reported no {self.monitor}, so nothing is kept of "
                "it; give `fit` some `validation_data`.",
                stacklevel=2,
            )


class _Stopping(_Judging, keras.callbacks.EarlyStopping):
    """`EarlyStopping` that passes over epochs without validation."""
