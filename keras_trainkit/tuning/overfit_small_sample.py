"""Step 2: a few minibatches, learned by heart."""

from __future__ import annotations

import inspect
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from keras_trainkit._core import arguments
from keras_trainkit.callbacks._batches import (
    Batch,
    arrays_of,
    first_batches,
    rows_of,
    training_and_validation,
)
from keras_trainkit.callbacks._replaced_calls import as_in_testing
from keras_trainkit.callbacks.find_learning_rate import built_model
from keras_trainkit.tuning.overfit_judge import OverfitJudge
from keras_trainkit.tuning.overfit_reading import OverfitReading

_MOVED = 0.1  # of the way that the loss can fall: what is less has not gone down
_FALLING = 0.97  # from one quarter of the epochs to the next
_FEW = 5  # epochs, too few to blame anything where the time limit ended it
_OFF = {
    "rate": 0.0,
    "dropout": 0.0,
    "recurrent_dropout": 0.0,
    "survival_probability": 1.0,
    "draw_at_test": False,
}
_PENALTIES = (
    "weight_decay",
    "l1_regularization_strength",
    "l2_regularization_strength",
    "l2_shrinkage_regularization_strength",
)


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
    that no search for hyperparameters will find. Whatever hinders is off: regularisers and
    constraints of weights, losses that layers add, the optimizer's weight decay and its like,
    dropout and its like, stochastic depth, noise, and the augmentation layers inside of the model
    (every layer without weights acts as in testing); batch normalisation stays, and so does chance
    that a layer of yours with weights draws itself. A rate that is a schedule stays, too.

    One cross-entropy is judged by the accuracy, looked at ever more seldom: after 1, 2, 3, 4, 6,
    8, 12, 16 epochs and so on, and at the end. Another loss, or that of several outputs, counts as
    learned where 99% of the way is done from the loss of the best constant to that of the labels
    themselves. Where neither is known, as the labels are not shaped as the outputs, or a function
    takes logits, the verdict says that it cannot be judged. Labels without a weight, or masked, do
    not count.

    Args:
        build: A function without arguments that returns a new compiled model; that model is
            changed and used up.
        data: `(x, y[, sample_weight])`, a dataset of such batches, or `(train, validation)`, of
            which the first part is taken.
        batches: How many; of arrays rows drawn at random, of a dataset the first ones.
        batch_size: Of arrays.
        epochs: At most; it ends as soon as all is right.
        time_limit: Seconds of training, with compiling, looked at after each batch; None is none.
        seed: Of the weights and of the rows; `keras.utils.set_random_seed` is called with it, so
            the generators of Python, NumPy and the backend start anew.

    Returns:
        The figures and the verdict.

    Raises:
        ValueError: If an argument breaks its rule, `build` raises or returns no model compiled
            with a loss, labels do not fit the loss, or it is not finite before any step.

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
    if model.loss is None:
        arguments.refuse(who, "build", "return a model compiled with a loss", None)
    if not model.built:
        model(sample[0].x)
    _unregularise(model)
    judge = OverfitJudge(who, model, sample)
    if not math.isfinite(judge.start):
        cure = "Look for NaN in the data; `check_initial_loss` may know more."
        arguments.refuse(who, "data", "have a finite loss before any step", judge.start, cure)

    run = _train(model, sample, judge, epochs, math.inf if time_limit is None else time_limit)
    finding = _finding(judge, run, len(sample))
    return OverfitReading(
        run.right,
        finding,
        run.accuracies[-1] if run.accuracies else math.nan,
        np.array(run.losses),
        np.array(run.accuracies),
        np.array(run.asked, int),
        sum(batch.rows for batch in sample),
        run.epoch,
        run.seconds,
        _words(finding, judge, run, sample),
    )


@dataclass
class _Run:
    """How the training went."""

    losses: list[float] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)
    accuracies: list[float] = field(default_factory=list)
    epoch: int = 0
    right: bool = False
    late: bool = False
    seconds: float = 0.0
    labels: int = 0
    wrong: int = 0


def _train(
    model: keras.Model,
    sample: Sequence[Batch],
    judge: OverfitJudge,
    epochs: int,
    time_limit: float,
) -> _Run:
    run = _Run()
    begin = time.monotonic()
    while run.epoch < epochs and not run.right and not run.late:
        run.epoch += 1
        for batch in sample:
            run.losses.append(float(model.train_on_batch(*batch, return_dict=True)["loss"]))
            run.seconds = time.monotonic() - begin
            run.late = run.seconds > time_limit and len(run.losses) < epochs * len(sample)
            if run.late or not math.isfinite(run.losses[-1]):
                break
        if not math.isfinite(run.losses[-1]):
            break
        if not judge.counts:
            seen = run.losses[-len(sample) :]
            run.right = len(run.losses) >= len(sample) and float(np.mean(seen)) <= judge.target
        elif run.late or run.epoch == epochs or _is_asked(run.epoch):
            right = judge.right()
            run.labels, run.wrong = right.size, int(np.sum(~right))
            run.right = not run.wrong
            run.asked.append(run.epoch)
            run.accuracies.append(float(right.mean()))
    return run


def _is_asked(epoch: int) -> bool:
    """1, 2, 3, 4, 6, 8, 12, ...: what is not compiled may cost more than the training."""
    last = max(epoch.bit_length() - 2, 0)
    return epoch >> last << last == epoch


def _sample(who: str, data: Any, count: int, batch_size: int, seed: int) -> list[Batch]:
    train, _ = training_and_validation(data)
    arrays = arrays_of(train, who)
    if arrays is not None and arrays.rows:  # sorted classes would make it too easy
        order = np.random.default_rng(seed).permutation(arrays.rows)
        train = tuple(rows_of(arrays, order[: count * batch_size]))
    return first_batches(who, train, batch_size, count)


def _unregularise(model: keras.Model) -> None:
    """Takes all from a model that keeps it from learning a sample by heart."""
    model.steps_per_execution = 1  # batches are handed over one by one
    for variable in model.trainable_variables:
        variable.regularizer = None
        variable.constraint = None
    optimizer = model.optimizer
    while optimizer is not None:
        for name in _PENALTIES:
            if getattr(optimizer, name, None):
                setattr(optimizer, name, 0.0)
        inner = getattr(optimizer, "inner_optimizer", None)
        optimizer = inner or getattr(optimizer, "optimizer", None)
    for layer in model._flatten_layers():  # no public name finds them all
        changed = vars(layer)  # past Keras, which tracks what is set
        changed["add_loss"] = _add_nothing
        for name, value in _OFF.items():
            if isinstance(changed.get(name), type(value)):
                setattr(layer, name, value)
        if not layer.weights and "training" in inspect.signature(layer.call).parameters:
            changed["call"] = as_in_testing(layer)
    model.train_function = None  # `build` may have trained it, with what is off now


def _add_nothing(loss: Any) -> None:
    """In the place of a layer's `add_loss`."""


def _finding(judge: OverfitJudge, run: _Run, count: int) -> str:
    if run.right:
        return "learned"
    losses, room = np.array(run.losses), abs(judge.start - judge.floor)
    if not math.isfinite(losses[-1]):
        return "exploding"
    if run.late and losses.size < _FEW * count:
        return "too early"
    if losses[-count:].mean() > judge.start + room:
        return "exploding"
    if _by_epoch(losses, count).min() > judge.start - _MOVED * room:
        return "not going down"
    return "partly" if judge.counts or math.isfinite(judge.target) else "cannot be judged"


def _words(finding: str, judge: OverfitJudge, run: _Run, sample: Sequence[Batch]) -> str:
    rows = sum(batch.rows for batch in sample)
    size = f"{rows} rows of {_number(len(sample), 'batch', 'es')}"
    if run.labels not in (0, rows):
        size = f"{run.labels} labels of {size}"
    after = f"after {_number(run.epoch, 'epoch', 's')}"
    mean = float(np.mean(run.losses[-len(sample) :]))
    way = f"from {judge.start:.3g} to {mean:.3g} {after}"
    late = " The time limit ended it." if run.late else ""
    if finding == "learned":
        what = f"are right {after}" if run.accuracies else f"are learned (loss {way})"
        alike = " But all labels are the same, which proves nothing." if judge.alike else ""
        return f"Learned: all {size} {what}.{alike}"
    if finding == "too early":
        done = _number(len(run.losses), "batch", "es")
        return (
            f"Too early to say: {done} in {run.seconds:.3g} seconds, with compiling, and the loss "
            f"goes {way}. Raise `time_limit`."
        )
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
    if finding == "cannot be judged":
        why = "what a constant prediction would have is not known for this loss and these labels"
        if judge.alike:
            why = "all labels are the same"
        return f"Cannot be judged: the loss goes {way}, but {why}.{late}"
    partly = f"the loss goes {way}, where {judge.target:.3g} counts as learned"
    if run.accuracies:
        partly = f"{run.accuracies[-1]:.1%} of {size} are right {after}, {run.wrong} are not"
    contradicting = _contradicting(sample)
    if contradicting:
        why = f"{contradicting} rows have the input of another one and a different label"
        return f"Partly: {partly}. {why}: look at the data.{late}"
    if _is_falling(np.array(run.losses) - judge.floor, len(sample)):
        return f"Partly: {partly}. The loss still falls: give it more epochs.{late}"
    return (
        f"Partly: {partly}. The loss falls no more: the rate is too high to settle, or the network "
        f"too small for the sample, or some labels cannot be told from the input.{late}"
    )


def _number(count: int, what: str, more: str) -> str:
    return f"{count} {what}{more if count > 1 else ''}"


def _by_epoch(losses: np.ndarray, count: int) -> np.ndarray:
    """The mean loss of each whole epoch."""
    return losses[: losses.size // count * count].reshape(-1, count).mean(1)


def _is_falling(losses: np.ndarray, count: int) -> bool:
    means = _by_epoch(losses, count)
    if means.size < 2:
        return True
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
