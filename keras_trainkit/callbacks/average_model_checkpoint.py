"""Checkpoints that hold the averaged weights."""

from __future__ import annotations

import os
from typing import Any

import keras

from keras_trainkit._core import arguments
from keras_trainkit._core.whole_file import whole_file
from keras_trainkit.callbacks._averages import AveragesInModel, averaging_optimizer
from keras_trainkit.callbacks._direction import direction


class AverageModelCheckpoint(keras.callbacks.ModelCheckpoint):
    """Keras' `ModelCheckpoint`, whose files hold the averaged weights.

    For `optimizers.MovingAverage`, `optimizers.SWA` and Keras' `use_ema=True`; as long as there
    is no average yet the weights in training are saved. Name and arguments are TensorFlow Addons'.
    What is different: a file is replaced in one move, so that it is whole at any time; with
    `save_best_only` the direction comes from the metric's name before training starts, or is
    asked for.

    What is monitored has been measured with the weights in training, unless `SwapAverages` stands
    before this callback in the list. The statistics of batch normalisation are theirs as well:
    call `optimizers.renew_batch_normalization` on the loaded model.

    Args:
        update_weights: Whether the averages stay in the model after they have been saved, and
            training goes on from them. With False the model is as if this callback were not there.
        filepath: Where the file goes, on a local disk; may hold `{epoch}` and entries of the logs.
        monitor: The entry of the logs that decides which is the best.
        verbose: 1 says what is saved.
        save_best_only: Whether only a new best is saved.
        save_weights_only: Whether only the weights are saved, to a `.weights.h5` file.
        mode: `"max"`, `"min"`, or `"auto"`, which knows losses, errors, accuracies and their like.
        save_freq: `"epoch"`, or a number of batches.
        **kwargs: `initial_value_threshold`: what the first best has to beat.

    Raises:
        ValueError: If an argument breaks its rule; when training begins, if the optimizer keeps
            no average.

    Example:

    >>> import pathlib, tempfile
    >>> from keras_trainkit.optimizers import MovingAverage
    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    >>> model.compile(MovingAverage("sgd"), "mse")
    >>> x = keras.ops.ones((4, 1))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "average.keras"
    ...     checkpoint = AverageModelCheckpoint(False, path)
    ...     _ = model.fit(x, 2 * x, epochs=3, verbose=0, callbacks=[checkpoint])
    ...     saved = keras.saving.load_model(path)
    >>> bool(keras.ops.all(saved.weights[0] == model.weights[0]))  # `fit` ends with the averages
    True

    Source: TensorFlow Addons' callback of this name.
    """

    def __init__(
        self,
        update_weights: bool,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        **kwargs: Any,
    ) -> None:
        self.update_weights = arguments.boolean(self, "update_weights", update_weights)
        if "://" in os.fspath(filepath):
            arguments.refuse(self, "filepath", "be on a local disk", filepath)
        if save_best_only:
            mode = direction(self, "monitor", monitor, mode)
        super().__init__(
            filepath,
            monitor=monitor,
            verbose=verbose,
            save_best_only=save_best_only,
            save_weights_only=save_weights_only,
            mode=mode,
            save_freq=save_freq,
            **kwargs,
        )

    def set_model(self, model: keras.Model) -> None:
        """What is saved from now on is the average."""
        averaging_optimizer(self, model.optimizer)
        super().set_model(_Averaged(self, model))


class _Averaged:
    """The model, but for what it saves. (What `ModelCheckpoint` decides has no public name.)"""

    def __init__(self, owner: AverageModelCheckpoint, model: keras.Model) -> None:
        self._owner = owner
        self._model = model

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def save(self, filepath: str, **arguments: Any) -> None:
        self._save(self._model.save, filepath, arguments)

    def save_weights(self, filepath: str, **arguments: Any) -> None:
        self._save(self._model.save_weights, filepath, arguments)

    def _save(self, save: Any, filepath: str, arguments: dict[str, Any]) -> None:
        averages = AveragesInModel(self._owner, self._model)
        try:
            with whole_file(filepath) as part:
                save(part, **arguments)
            if self._owner.update_weights:
                averages.stay()
        finally:
            averages.give_back()
