"""Progress bars drawn by tqdm: one for the training, one for the epoch."""

from __future__ import annotations

import numbers
import time
from typing import Any

import keras

from keras_trainkit._core import arguments
from keras_trainkit._core.lazy import LazyModule

_tqdm: Any = LazyModule("tqdm.auto", "progress")

# Without a total: tqdm would say that 0 seconds are left. An empty bar wipes the rest of the line.
_ENDLESS = "{n_fmt} batches, {elapsed} - {desc} {bar}"


class TQDMProgressBar(keras.callbacks.ProgbarLogger):
    """Draws the progress of `fit`, `evaluate` and `predict` with tqdm.

    In a terminal and, with ipywidgets, in a notebook: a bar for all epochs, below it one for the
    batches of the present epoch with the metrics so far, and one for a validation while it runs.
    It takes the place of Keras' own bar, whatever `verbose` says. Where the standard error is
    neither (a log file), there are no bars, but a line for each epoch and evaluation.

    Name and arguments are TensorFlow Addons'. Where the number of steps is not known, the first
    epoch counts, and the next ones know. After an interrupt, of which no callback is told, the
    bars are closed when nothing holds this object any longer, or when it is used again.

    Args:
        metrics_separator: What stands between two metrics.
        overall_bar_format: tqdm's `bar_format` for the bar of all epochs.
        epoch_bar_format: The same for the bars of batches, where their number is known; `{desc}`
            is the epoch and its metrics.
        metrics_format: How a metric is written, of `name` and `value`.
        update_per_second: How often a bar of batches is drawn at most, above 0.
        leave_epoch_progress: Whether the bars of finished epochs, evaluations and predictions stay.
        leave_overall_progress: Whether the finished bar of all epochs stays.
        show_epoch_progress: Whether there are bars (or lines) of epochs, evaluations, predictions.
        show_overall_progress: Whether there is a bar of all epochs.

    Raises:
        ValueError: If an argument breaks its rule.
        ModuleNotFoundError: Without tqdm (the extra `progress`).

    Example:

    >>> import contextlib, io
    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> x = keras.ops.zeros((4, 1))
    >>> with contextlib.redirect_stderr(io.StringIO()):  # as into a file
    ...     _ = model.fit(x, x, epochs=2, callbacks=[TQDMProgressBar()])
    Epoch 1/2 - loss: 0.0000
    Epoch 2/2 - loss: 0.0000

    Source: TensorFlow Addons' callback of this name.
    """

    def __init__(
        self,
        metrics_separator: str = " - ",
        overall_bar_format: str = "{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} epochs, "
        "{remaining} left",
        epoch_bar_format: str = "{n_fmt}/{total_fmt} |{bar}| {remaining} left - {desc}",
        metrics_format: str = "{name}: {value:0.4f}",
        update_per_second: float = 10,
        leave_epoch_progress: bool = True,
        leave_overall_progress: bool = True,
        show_epoch_progress: bool = True,
        show_overall_progress: bool = True,
    ) -> None:
        super().__init__()
        _ = _tqdm.tqdm  # now, not when training begins
        self.metrics_separator = metrics_separator
        self.overall_bar_format = overall_bar_format
        self.epoch_bar_format = epoch_bar_format
        self.metrics_format = metrics_format
        self.update_per_second = arguments.number(
            self, "update_per_second", update_per_second, above=0
        )
        self.leave_epoch_progress = leave_epoch_progress
        self.leave_overall_progress = leave_overall_progress
        self.show_epoch_progress = show_epoch_progress
        self.show_overall_progress = show_overall_progress
        self._bars: list[_Bar] = []  # of all epochs, of this epoch, of its validation

    def set_params(self, params: dict[str, Any]) -> None:
        """A run begins; bars that an interrupted one has left are closed."""
        while self._bars:
            self._bars.pop().close()
        self.params = params
        self._lengths: dict[str, int | None] = {}  # in steps, where they are known by now
        self._fitting = False

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """The bar of all epochs."""
        self._fitting = True
        bar = _Bar(
            "Training",
            self.params["epochs"],
            interval=0,
            shown=self.show_overall_progress,
            bar_format=self.overall_bar_format,
            leave=self.leave_overall_progress,
        )
        self._bars.append(bar)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """The bar of the epoch."""
        self._bars[0].draw(epoch)
        steps = self.params["steps"] or self._lengths.get("epoch")
        self._open(f"Epoch {epoch + 1}/{self.params['epochs']}", steps)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Moves it on."""
        self._bars[-1].move(batch + 1, lambda: self._words(logs))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Leaves it with the metrics of the epoch."""
        self._lengths["epoch"] = self._close(logs)
        self._bars[0].draw(epoch + 1)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Leaves the bar of all epochs."""
        self._bars.pop().close()

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """A bar for the validation or evaluation."""
        if self._fitting:
            self._open("Validation", self._lengths.get("validation"), leave=False)
        else:
            self._open("Evaluation", self.params["steps"])

    def on_test_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Moves it on."""
        self._bars[-1].move(batch + 1, lambda: self._words(logs))

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        """Leaves it, but of a validation, whose metrics the epoch has."""
        self._lengths["validation"] = self._close(logs, says=not self._fitting)

    def on_predict_begin(self, logs: dict[str, Any] | None = None) -> None:
        """A bar for the prediction."""
        self._open("Prediction", self.params["steps"])

    def on_predict_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Moves it on."""
        self._bars[-1].move(batch + 1, str)

    def on_predict_end(self, logs: dict[str, Any] | None = None) -> None:
        """Leaves it."""
        self._close(None, says=False)

    def _open(self, title: str, steps: int | None, leave: bool | None = None) -> None:
        bar = _Bar(
            title,
            steps,
            interval=1 / self.update_per_second,
            shown=self.show_epoch_progress,
            bar_format=self.epoch_bar_format if steps else _ENDLESS,
            leave=self.leave_epoch_progress if leave is None else leave,
        )
        self._bars.append(bar)

    def _close(self, logs: dict[str, Any] | None, says: bool = True) -> int:
        """Closes the innermost bar; how far it came."""
        bar = self._bars.pop()
        bar.draw(bar.done, self._words(logs))
        bar.close()
        if says and bar.is_file:
            print(bar.text, flush=True)
        return bar.done

    def _words(self, logs: dict[str, Any] | None) -> str:
        words = [
            self.metrics_format.format(name=name, value=value)
            for name, value in (logs or {}).items()
            if isinstance(value, numbers.Real)
        ]
        return "".join(self.metrics_separator + word for word in words)


class _Bar:
    """A bar of tqdm's that is drawn at most every `interval` seconds."""

    def __init__(
        self, title: str, total: int | None, interval: float, shown: bool, **arguments: Any
    ) -> None:
        self.done = 0
        self.text = self._title = title
        self._interval, self._next = interval, 0.0
        # None: not into files. A notebook takes it as False.
        disable = None if shown else True
        self._bar = _tqdm.tqdm(
            total=total, desc=title, disable=disable, dynamic_ncols=True, **arguments
        )
        self.is_file = shown and self._bar.disable

    def move(self, done: int, words: Any) -> None:
        """To so many steps, with what the function `words` says, if it is time to draw."""
        total = self._bar.total
        # with steps_per_execution, the last call of an epoch may count batches that were not there
        self.done = done if total is None else min(done, total)
        if not self._bar.disable and time.monotonic() >= self._next:
            self.draw(self.done, words())
            self._next = time.monotonic() + self._interval

    def draw(self, done: int, words: str = "") -> None:
        """At once."""
        self.text = self._title + words
        self._bar.n = done
        self._bar.set_description_str(self.text)

    def close(self) -> None:
        """For good."""
        self._bar.close()
