"""Activations layer by layer, at the start and while training."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import keras

from keras_trainkit._core import arguments
from keras_trainkit._core.whole_file import whole_file
from keras_trainkit.callbacks.check_activations import (
    ActivationReading,
    check_activations,
    first_inputs,
)
from keras_trainkit.callbacks.draw_activations import draw_activations
from keras_trainkit.callbacks.draw_curves import require_matplotlib


class ActivationStatistics(keras.callbacks.Callback):
    """Says before the first step whether the initial weights are too small, too big or just right.

    The mean, the deviation and the shares of zeros and of saturated units of each layer, on one
    fixed batch, as `check_activations` reads them; printed as a table with the verdict, kept in
    `readings`, and drawn. The model is run eagerly: nothing is traced again, nothing assigned,
    and training goes on as if the callback were not there.

    Args:
        data: What is trained on (a callback does not see it): inputs, `(x, y)`,
            `(x, y, sample_weight)` or an iterable of such batches, whose first one is taken.
        path: Where the picture goes: `.png`, `.svg` or `.pdf`. None draws nothing.
        each_epoch: Whether to look again after each epoch; what is said then is a verdict that
            has changed, and the picture has the deviations of the start beside those of now.
        examples: How many rows are looked at.
        verbose: 0 prints nothing.

    Attributes:
        readings: An `ActivationReading` of the start, and one of each epoch if `each_epoch`.

    Raises:
        ValueError: If an argument breaks its rule.
        ModuleNotFoundError: If there is a `path` and no matplotlib.

    Example:

    >>> keras.utils.set_random_seed(1)
    >>> model = keras.Sequential([keras.Input((50,), name="in")] + [
    ...     keras.layers.Dense(50, "relu", kernel_initializer="he_normal", name=f"hidden_{n}")
    ...     for n in (1, 2, 3)
    ... ])
    >>> model.compile("sgd", "mse")
    >>> x = keras.random.normal((64, 50), seed=2)
    >>> statistics = ActivationStatistics(x)
    >>> _ = model.fit(x, x, verbose=0, callbacks=[statistics])  # doctest: +ELLIPSIS
    layer     activation   mean  deviation  zeros  saturated
    hidden_1  relu        ...
    hidden_2  relu        ...
    hidden_3  relu        ...
    Just right: the deviation goes from ... in hidden_1 to ... in hidden_2.
    >>> statistics.readings[0].finding
    'just right'

    Source: CS231n 2020, lecture 7, "Weight initialization: activation statistics".
    """

    def __init__(
        self,
        data: Any,
        path: str | os.PathLike[str] | None = None,
        each_epoch: bool = False,
        examples: int = 64,
        verbose: int = 1,
    ) -> None:
        super().__init__()
        self.data = data
        self.path = None if path is None else os.fspath(path)
        if self.path is not None:
            if Path(self.path).suffix not in (".png", ".svg", ".pdf"):
                arguments.refuse(self, "path", "end in .png, .svg or .pdf", self.path)
            require_matplotlib()  # now, not when training begins
        self.each_epoch = arguments.boolean(self, "each_epoch", each_epoch)
        self.examples = arguments.integer(self, "examples", examples, 1)
        self.verbose = verbose
        self.readings: list[ActivationReading] = []

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Looks at the start."""
        self._batch = first_inputs(self.data, self.examples)
        self.readings = []
        self._look()
        if self.verbose:
            print(self.readings[0])

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Looks again."""
        if not self.each_epoch:
            return
        self._look()
        before, now = self.readings[-2:]
        if self.verbose and now.finding != before.finding:
            print(f"Activations after epoch {epoch + 1}: {now.verdict}")

    def _look(self) -> None:
        self.readings.append(check_activations(self.model, self._batch, self.examples))
        if self.path is not None:
            try:
                with whole_file(self.path) as part:
                    draw_activations(self.readings).savefig(part)
            except OSError as error:  # a full disk is no reason to lose the training
                warnings.warn(
                    f"`ActivationStatistics`: no picture at {self.path}: {error}", stacklevel=2
                )
