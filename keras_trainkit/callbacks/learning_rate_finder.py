"""The learning rate, found before the first step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from keras_trainkit._core import arguments
from keras_trainkit.callbacks.find_learning_rate import LearningRateReading, find_learning_rate


class LearningRateFinder(keras.callbacks.Callback):
    """Finds a learning rate before the first step, sets it, and says why.

    The search is `find_learning_rate`, for as many steps as `fit` is going to take from its
    `initial_epoch` on; its answer is
    printed and kept in `result`. It leaves the model as it was, and training starts from there
    at the rate that was found. Where the rate is a schedule, or no rate learns, it stays as it is.

    Args:
        data: What is trained on (a callback does not see it): `(train, validation)`, or the
            training data alone; as in `find_learning_rate`.
        iterations: Steps at each rate of the ladder.
        rates: The ladder.
        batch_size: Of arrays.
        seed: Of shuffling and of the rows held out.
        verbose: 0 prints nothing.

    Raises:
        ValueError: If an argument breaks its rule; when training begins, as `find_learning_rate`.

    Example:

    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(128, 2)).astype("float32")
    >>> y = x.sum(1)
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> model.compile(keras.optimizers.SGD(1e-5), "mse")
    >>> finder = LearningRateFinder((x, y), iterations=20)
    >>> _ = model.fit(x, y, epochs=2, verbose=0, callbacks=[finder])  # doctest: +ELLIPSIS
    Take 0....
    >>> abs(float(model.optimizer.learning_rate) / finder.result.learning_rate - 1) < 1e-6
    True

    Source: CS231n 2020, lecture 8, "Choosing hyperparameters", step 3; Smith 2017.
    """

    def __init__(
        self,
        data: Any,
        iterations: int = 100,
        rates: Sequence[float] = (1e-1, 1e-2, 1e-3, 1e-4),
        batch_size: int = 32,
        seed: int = 0,
        verbose: int = 1,
    ) -> None:
        super().__init__()
        self.data = data
        self.iterations = arguments.integer(self, "iterations", iterations, 10)
        self.rates = arguments.numbers_of(self, "rates", rates)
        self.batch_size = arguments.integer(self, "batch_size", batch_size, 1)
        self.seed = arguments.integer(self, "seed", seed, 0)
        self.verbose = verbose
        self.result: LearningRateReading | None = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Forgets what an earlier `fit` has found."""
        self.result = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Searches before the first epoch of a `fit`, and sets the rate."""
        if self.result is not None:
            return
        params = self.params or {}
        steps = params.get("steps")
        self.result = find_learning_rate(
            self.model,
            self.data,
            steps=steps and steps * (params.get("epochs", epoch + 1) - epoch),
            iterations=self.iterations,
            rates=self.rates,
            batch_size=self.batch_size,
            seed=self.seed,
        )
        note = self._set(self.result.learning_rate)
        if self.verbose:
            print(self.result.verdict + note)

    def _set(self, rate: float | None) -> str:
        """Sets it where it is a number; what to say otherwise."""
        if rate is not None:
            try:
                self.model.optimizer.learning_rate = rate
            except (AttributeError, TypeError):  # Keras refuses to overwrite a schedule
                return " The optimizer follows a schedule, which stays: let it begin there."
        return ""
