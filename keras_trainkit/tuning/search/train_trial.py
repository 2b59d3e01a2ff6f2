"""Trains a model with the hyperparameters of one trial, and says what came of it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import keras

from keras_trainkit.callbacks.learning_curves import LearningCurves
from keras_trainkit.callbacks.learning_rate_logger import LearningRateLogger
from keras_trainkit.tuning.search.folds import Folds
from keras_trainkit.tuning.search.single_numbers import single_numbers
from keras_trainkit.tuning.search.storage_error import StorageError
from keras_trainkit.tuning.search.trial_folder import CurveWriter, OutputError, TrialFolder

Build = Callable[[Mapping[str, Any]], keras.Model]


@dataclass(frozen=True)
class Outcome:
    """How a trial ended: `"complete"`, `"pruned"` or `"failed"`."""

    state: str
    score: float | None
    reason: str = ""
    scores: tuple[float, ...] = ()
    """Of the folds."""


@dataclass(frozen=True)
class Training:
    """How every trial of a search is trained."""

    build: Build
    folds: Folds
    epochs: int
    batch_size: int
    metric: str  # as it stands in the logs
    mode: str
    callbacks: Callable[[], list[keras.callbacks.Callback]]
    time_limit: float | None


def train_trial(
    training: Training,
    params: Mapping[str, Any],
    seed: int,
    folder: TrialFolder,
    report: Callable[[float, int], bool],
) -> Outcome:
    """Trains on each fold in turn; what the user's code raises becomes the trial's reason.

    Args:
        training: What holds for every trial.
        params: The hyperparameters.
        seed: Of weights, shuffling and dropout; that of fold k is seed + k.
        folder: Where curves and the best snapshot go.
        report: Takes the metric and the epoch, and returns whether to give the trial up; asked
            on the first fold.
    """
    scores: list[float] = []
    unsaved = ""
    for fold, (train, validation) in enumerate(training.folds):
        keras.utils.set_random_seed(seed + fold)
        try:
            model = training.build(dict(params))
        except Exception as error:
            return Outcome("failed", None, f"`build` raised {_words(error)}")
        if not isinstance(model, keras.Model) or getattr(model, "optimizer", None) is None:
            what = (
                type(model).__name__ if not isinstance(model, keras.Model) else "an uncompiled one"
            )
            return Outcome(
                "failed", None, f"`build` must return a compiled keras.Model, got {what}."
            )
        try:
            more = training.callbacks()
        except Exception as error:
            return Outcome("failed", None, f"`callbacks` raised {_words(error)}")
        mark = fold if training.folds.count > 1 else None
        watch = _Watch(training, report if fold == 0 else None)
        losses = LearningCurves(verbose=0)
        callbacks = [LearningRateLogger(), *more, losses]
        callbacks += [CurveWriter(folder.path, mark, losses), watch]
        try:
            model.fit(
                **_arguments(train, training.batch_size),
                validation_data=_validation(validation),
                epochs=training.epochs,
                callbacks=callbacks,
                verbose=0,
            )
        except (OutputError, StorageError):
            raise
        except Exception as error:
            return Outcome("failed", None, f"Training raised {_words(error)}")
        if watch.ended is not None:
            if watch.ended.state == "pruned":
                unsaved = _saved(folder, model, mark)
            return replace(watch.ended, reason=f"{watch.ended.reason} {unsaved}".rstrip())
        unsaved = _saved(folder, model, mark)
        scores.append(watch.best)
    return Outcome("complete", sum(scores) / len(scores), unsaved, tuple(scores))


def _saved(folder: TrialFolder, model: keras.Model, mark: int | None) -> str:
    """Keeps the model, or says why it cannot be kept: its score counts all the same."""
    try:
        folder.save(model, mark)
    except OutputError:
        raise
    except Exception as error:
        return f"The best snapshot could not be saved: {_words(error)}"
    return ""


class _Watch(keras.callbacks.Callback):
    """Reads the metric of each epoch, stops where there is nothing to hope for, keeps the best."""

    def __init__(self, training: Training, report: Callable[[float, int], bool] | None) -> None:
        super().__init__()
        self.ended: Outcome | None = None
        self.best = math.nan
        self._training = training
        self._report = report
        self._begin = time.monotonic()
        self._weights: list[Any] | None = None

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        values = single_numbers(logs)
        metric = self._training.metric
        if metric not in values:
            known = ", ".join(sorted(values))
            self._end("failed", f"The metric {metric!r} is not in the logs, which have {known}.")
            return
        value = values[metric]
        if not all(math.isfinite(values.get(key, value)) for key in (metric, "loss", "val_loss")):
            self._end("failed", f"The loss or {metric} is not finite after epoch {epoch + 1}.")
            return
        choose = max if self._training.mode == "max" else min
        if math.isnan(self.best) or choose(self.best, value) != self.best:
            self.best, self._weights = value, self.model.get_weights()
        if self._report is not None and self._report(value, epoch):
            if epoch + 1 < self._training.epochs:
                self._end(
                    "pruned", f"Given up after epoch {epoch + 1}: others were better by then."
                )
            return
        limit = self._training.time_limit
        if limit is not None and time.monotonic() - self._begin > limit:
            self.model.stop_training = True

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self._weights is not None:
            self.model.set_weights(self._weights)

    def _end(self, state: str, reason: str) -> None:
        score = None if math.isnan(self.best) or state == "failed" else self.best
        self.ended = Outcome(state, score, reason)
        self.model.stop_training = True


def _arguments(data: Any, batch_size: int) -> dict[str, Any]:
    if not isinstance(data, tuple | list):
        return {"x": data, "shuffle": False}  # a dataset shuffles by itself
    x, y, sample_weight = (*data, None, None)[:3]
    return {
        "x": x,
        "y": y,
        "sample_weight": sample_weight,
        "batch_size": batch_size,
    }


def _validation(data: Any) -> Any:
    return tuple(data) if isinstance(data, list) else data


def _words(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0][:300]}"
