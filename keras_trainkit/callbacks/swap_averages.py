"""Averaged weights where they are looked at, weights in training where they are trained."""

from __future__ import annotations

from typing import Any

import keras

from keras_trainkit.callbacks._averages import AveragesInModel, averaging_optimizer


class SwapAverages(keras.callbacks.Callback):
    """Evaluates, predicts and saves with the averaged weights, and trains with the others.

    For `optimizers.MovingAverage`, `optimizers.SWA` and Keras' `use_ema=True`, whose averages
    otherwise come into the model only at the end of `fit`. They are in the model

    - while `fit` validates, and through all of an `evaluate` or a `predict` that has this among
      its callbacks;
    - at the end of an epoch, for the callbacks behind this one in the list: those that keep the
      model (`ModelCheckpoint`, `best_snapshot`) go there. Those that training goes on from
      (`BackupAndRestore`) go before it.

    Afterwards the weights in training are given back bit by bit, also after `predict`, where
    Keras' `SwapEMAWeights` leaves the averages. After an interrupt, of which no callback is told,
    they come back as soon as nothing holds this object any longer, or when it is used again; one
    that has a name is best used `with SwapAverages() as swap:`, whose end gives back, however it
    comes about. Weights that somebody has put in meanwhile are never overwritten. After a `fit`
    that ran to its end the averages are in the model, as they are without this callback.

    A swap takes the memory of the weights once more and the time of a few copies. The statistics
    of batch normalisation are those of the weights in training: short averages may do with them;
    for `SWA` see `optimizers.renew_batch_normalization`.

    Raises:
        ValueError: When used with a model whose optimizer keeps no average.

    Example:

    >>> from keras_trainkit.optimizers import MovingAverage
    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    >>> model.compile(MovingAverage("sgd"), "mse")
    >>> x = keras.ops.ones((4, 1))
    >>> history = model.fit(
    ...     x, 2 * x, epochs=9, validation_data=(x, 2 * x), verbose=0, callbacks=[SwapAverages()]
    ... )
    >>> history.history["val_loss"][-1] == model.evaluate(x, 2 * x, verbose=0)  # averages, both
    True

    Source: Keras' `SwapEMAWeights`; Polyak and Juditsky, "Acceleration of stochastic
    approximation by averaging" (1992).
    """

    def __init__(self) -> None:
        super().__init__()
        self._swap: AveragesInModel | None = None

    def set_model(self, model: keras.Model) -> None:
        """What an interrupt has left is given back first."""
        self._give_back()
        averaging_optimizer(self, model.optimizer)
        super().set_model(model)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Gives the weights in training back."""
        self._give_back()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Puts the averages in."""
        self._put_in()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """The averages stay, as `fit` has put them in for good."""
        if self._swap is not None:
            self._swap.stay()
            self._swap = None

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Puts the averages in."""
        self._put_in()

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        """Gives the weights in training back."""
        self._give_back()

    def on_predict_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Puts the averages in."""
        self._put_in()

    def on_predict_end(self, logs: dict[str, Any] | None = None) -> None:
        """Gives the weights in training back."""
        self._give_back()

    def __enter__(self) -> SwapAverages:
        return self

    def __exit__(self, *exception: object) -> None:
        self._give_back()

    def _put_in(self) -> None:
        if self._swap is None:
            self._swap = AveragesInModel(self, self.model)

    def _give_back(self) -> None:
        if self._swap is not None:
            self._swap.give_back()
            self._swap = None
