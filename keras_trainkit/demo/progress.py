"""A progress bar of a whole training in one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

from keras_trainkit._core.lazy import LazyModule

tqdm: Any = LazyModule("tqdm", "demo")


@contextmanager
def progress_bar(epochs: int) -> Iterator[keras.callbacks.Callback]:
    """A callback that moves a bar on, one for all epochs; the bar ends with the context.

    Args:
        epochs: How many the training has.
    """
    with tqdm.tqdm(total=epochs, unit="epoch", ncols=90) as bar:
        yield _Shown(bar)


class _Shown(keras.callbacks.Callback):
    """The bar's position, and the latest accuracies."""

    def __init__(self, bar: Any) -> None:
        super().__init__()
        self.bar = bar

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        logs = logs or {}
        self.bar.set_postfix_str(
            f"train {logs['accuracy']:.1%}, validation {logs['val_accuracy']:.1%}", refresh=False
        )
        self.bar.update()
