"""Step 2: a few minibatches, learned by heart."""

from __future__ import annotations

import functools
import inspect
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_trainkit._core import arguments
from keras_trainkit.callbacks._batches import (
    Batch,
    arrays_of,
    first_batches,
    rows_of,
    training_and_validation,
)
from keras_trainkit.callbacks._constant_loss import constant_losses, data_loss
from keras_trainkit.callbacks._objectives import objective_of
from keras_trainkit.callbacks.find_learning_rate import built_model
from keras_trainkit.tuning.overfit_reading import OverfitReading

_SHARE = 0.01  # of the loss of a constant: what counts as learned where there is no accuracy
_STILL = 0.9  # of the loss at the start: what is above has not gone down
_BLOWN = 2.0  # times the loss at the start
_FALLING = 0.97  # from one quarter of the epochs to the next
_OFF = {"rate": 0.0, "dropout": 0.0, "recurrent_dropout": 0.0, "survival_probability": 1.0}


def overfit_small_sample(
    build: Callable[[], keras.Model],
    data: Any,
    *,
    batches: int = 5,
    batch_size: int = 32,
    epochs: int = 200,
    time_limit: float | None = 120.0,
    seed: int = 0,
) -> OverfitReading:
    """Trains a new model on a few minibatches until it knows them by heart, or says why not.

    A sound network reaches 100% on five batches within seconds; one that does not has a fault
    that no search for hyperparameters will find. Whatever hinders is off: kernel, bias and
    activity regularisers, the optimizer's weight decay, dropout and its like, stochastic depth,
    noise, and the augmentation layers inside of the model (every layer without weights acts as in
    testing); batch normalisation stays. A rate that is a schedule stays, too.

    Where the loss is no cross-entropy, learned means: 1% of the loss of the best constant.

    Args:
        build: A function without arguments that returns a new compiled model; that model is
            changed and used up, nothing else is touched.
        data: `(x, y[, sample_weight])`, a dataset of such batches, or `(train, validation)`, of
            which the first part is taken.
        batches: How many; of arrays rows drawn at random, of a dataset the first ones.
        batch_size: Of arrays.
        epochs: At most; it ends as soon as all is right.
        time_limit: Seconds, looked at after each batch; None is none.
        seed: Of the weights and of the rows.

    Returns:
        The figures and the verdict.

    Raises:
        ValueError: If an argument breaks its rule, `build` raises or returns no compiled model,
            or the loss is not finite before any step.

    Example:

    >>> from keras_trainkit import tuning
    >>> def build():
    ...     hidden, output = keras.layers.Dense(32, "relu"), keras.layers.Dense(3, "softmax")
    ...     model = keras.Sequential([keras.Input((8,)), hidden, output])
    ...     model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    ...     return model
    >>> x = np.random.default_rng(0).normal(size=(64, 8)).astype("float32")
    >>> print(tuning.overfit_small_sample(build, (x, np.arange(64) % 3)))  # doctest: +ELLIPSIS
    Learned: all 64 rows of 2 batches are right after ... epochs.

    Source: CS231n 2020, lecture 8, "Choosing hyperparameters", step 2.
    """
    who = "overfit_small_sample"
    count = arguments.integer(who, "batches", batches, 1)
    batch_size = arguments.integer(who, "batch_size", batch_size, 1)
    epochs = arguments.integer(who, "epochs", epochs, 1)
    if time_limit is not None:
        time_limit = arguments.number(who, "time_limit", time_limit, above=0)
    if isinstance(build, keras.Model) or not callable(build):
        rule = "be a function that returns a new compiled model"
        arguments.refuse(who, "build", rule, type(build).__name__, "A model would be spoilt.")
    seed = arguments.integer(who, "seed", seed, 0)
    sample = _sample(who, data, count, batch_size, seed)
    model = built_model(who, "build", build, seed)
    if not model.built:
        model(sample[0].x)
    _unregularise(model)

    begin = time.monotonic()
    limit = math.inf if time_limit is None else begin + time_limit
    judge = _Judge(model, sample)
    if not math.isfinite(judge.start):
        cure = "Look for NaN in the data; `check_initial_loss` may know more."
        arguments.refuse(who, "data", "have a finite loss before any step", judge.start, cure)
    losses: list[float] = []
    accuracies: list[float] = []
    right = False
    epoch = 0
    while epoch < epochs and not right and time.monotonic() < limit:
        epoch += 1
        for batch in sample:
            losses.append(float(model.train_on_batch(*batch, return_dict=True)["loss"]))
            if not math.isfinite(losses[-1]) or time.monotonic() > limit:
                break
        if not math.isfinite(losses[-1]):
            break
        right, accuracy = judge.ask(losses[-len(sample) :])
        accuracies += [] if math.isnan(accuracy) else [accuracy]
    ended = epoch >= epochs
    finding = "learned" if right else _finding(judge.start, np.array(losses), len(sample))
    words = _words(finding, judge.start, losses, accuracies, sample, epoch, ended)
    rows = sum(batch.rows for batch in sample)
    last = accuracies[-1] if accuracies else math.nan
    seconds = time.monotonic() - begin
    return OverfitReading(
        right, finding, last, np.array(losses), np.array(accuracies), rows, epoch, seconds, words
    )


class _Judge:
    """Says whether the sample is learned, by the accuracy or by the loss."""

    def __init__(self, model: keras.Model, sample: Sequence[Batch]) -> None:
        self._model = model
        self._sample = sample
        self._objective = objective_of(model.loss)
        with self._scope():
            predictions = self._predictions()
            self.start = data_loss(model, sample, predictions)
            leaves = keras.tree.flatten(predictions[0])
            self._counts = self._objective.known and len(leaves) == 1
            constants = None
            if not self._counts and len(leaves) == 1:
                constants = constant_losses(model, sample, leaves[0].shape[-1])
        self._target = _SHARE * (self.start if constants is None else float(constants[1].mean()))

    def ask(self, losses: Sequence[float]) -> tuple[bool, float]:
        """Whether all is right, and the accuracy; NaN where there is none."""
        if not self._counts:
            return float(np.mean(losses)) <= self._target, math.nan
        with self._scope():
            predictions = self._predictions()
        outputs = [keras.tree.flatten(prediction)[0] for prediction in predictions]
        right = [
            self._objective.right(
                keras.tree.flatten(batch.y)[0], ops.convert_to_numpy(output).astype("float32")
            )
            for batch, output in zip(self._sample, outputs, strict=True)
        ]
        accuracy = float(np.concatenate(right).mean())
        return accuracy == 1.0, accuracy

    def _predictions(self) -> list[Any]:
        """In training mode: moving statistics lag behind."""
        return [self._model(batch.x, training=True) for batch in self._sample]

    def _scope(self) -> Any:
        variables = self._model.variables
        return keras.StatelessScope([(variable, variable.value) for variable in variables])


def _sample(who: str, data: Any, count: int, batch_size: int, seed: int) -> list[Batch]:
    train, _ = training_and_validation(data)
    arrays = arrays_of(train)
    if arrays is not None and arrays.rows:  # sorted classes would make it too easy
        order = np.random.default_rng(seed).permutation(arrays.rows)
        train = tuple(rows_of(arrays, order[: count * batch_size]))
    return first_batches(who, train, batch_size, count)


def _unregularise(model: keras.Model) -> None:
    """Takes all from a model that keeps it from learning a sample by heart."""
    model.steps_per_execution = 1  # batches are handed over one by one
    for variable in model.trainable_variables:
        variable.regularizer = None
    optimizer = model.optimizer
    while optimizer is not None:
        optimizer.weight_decay = None
        inner = getattr(optimizer, "inner_optimizer", None)
        optimizer = inner or getattr(optimizer, "optimizer", None)
    for layer in model._flatten_layers(include_self=False):  # no public name finds them all
        layer.activity_regularizer = None
        for name, value in _OFF.items():
            if isinstance(getattr(layer, name, None), float) and name in vars(layer):
                setattr(layer, name, value)
        if not layer.weights and "training" in inspect.signature(layer.call).parameters:
            vars(layer)["call"] = _as_in_testing(layer.call)  # past Keras, which tracks what is set


def _as_in_testing(call: Callable[..., Any]) -> Callable[..., Any]:
    signature = inspect.signature(call)

    @functools.wraps(call)
    def testing(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        bound.arguments["training"] = False
        return call(*bound.args, **bound.kwargs)

    return testing


def _finding(start: float, losses: np.ndarray, count: int) -> str:
    if not math.isfinite(losses[-1]) or losses[-count:].mean() > start + (_BLOWN - 1) * abs(start):
        return "exploding"
    by_epoch = losses[: losses.size // count * count].reshape(-1, count).mean(1)
    lowest = by_epoch.min(initial=losses.mean())
    return "not going down" if lowest > start - (1 - _STILL) * abs(start) else "partly"


def _words(
    finding: str,
    start: float,
    losses: Sequence[float],
    accuracies: Sequence[float],
    sample: Sequence[Batch],
    epoch: int,
    ended: bool,
) -> str:
    rows = sum(batch.rows for batch in sample)
    size = f"{rows} rows of {len(sample)} batch{'es' if len(sample) > 1 else ''}"
    after = f"after {epoch} epoch{'s' if epoch > 1 else ''}"
    mean = float(np.mean(losses[-len(sample) :]))
    way = f"from {start:.3g} to {mean:.3g} {after}"
    if finding == "learned":
        what = "are right" if accuracies else f"are learned (loss {way})"
        return f"Learned: all {size} {what}{f' {after}' if accuracies else ''}."
    late = "" if ended or finding == "exploding" else " The time limit ended it."
    if finding == "exploding":
        how = f"goes {way}" if math.isfinite(mean) else f"is no longer finite {after}"
        return (
            f"Exploding: the loss {how}. The learning rate is too high, or the initialisation is "
            "bad (`check_activations`)."
        )
    if finding == "not going down":
        return (
            f"Not going down: the loss goes {way}. The learning rate is too low, or the "
            f"initialisation is bad (`check_activations`).{late}"
        )
    partly = f"the loss goes {way}"
    if accuracies:
        wrong = round((1 - accuracies[-1]) * rows)
        partly = f"{accuracies[-1]:.1%} of {size} are right {after}, {wrong} are not"
    contradicting = _contradicting(sample)
    if contradicting:
        why = f"{contradicting} rows have the input of another one and a different label"
        return f"Partly: {partly}. {why}: look at the data.{late}"
    if _is_falling(losses, len(sample)):
        return f"Partly: {partly}. The loss still falls: give it more epochs.{late}"
    return (
        f"Partly: {partly}. The loss falls no more: the rate is too high to settle, or the network "
        f"too small for the sample, or some labels cannot be told from the input.{late}"
    )


def _is_falling(losses: Sequence[float], count: int) -> bool:
    means = np.array(losses[: len(losses) // count * count]).reshape(-1, count).mean(1)
    quarter = max(len(means) // 4, 1)
    return bool(means[-quarter:].mean() < _FALLING * means[-2 * quarter : -quarter or None].mean())


def _contradicting(sample: Sequence[Batch]) -> int:
    """Rows whose input is that of an earlier row, and whose label is not."""
    labels: dict[bytes, bytes] = {}
    found = 0
    for batch in sample:
        inputs, targets = keras.tree.flatten(batch.x), keras.tree.flatten(batch.y)
        for row in range(batch.rows):
            key, label = (
                b"".join(np.ascontiguousarray(leaf[row]).tobytes() for leaf in leaves)
                for leaves in (inputs, targets)
            )
            found += labels.setdefault(key, label) != label
    return found
