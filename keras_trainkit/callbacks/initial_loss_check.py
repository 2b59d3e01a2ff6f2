"""The first sanity check: at the start a softmax over C classes has a loss of about log(C)."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_trainkit._core import arguments
from keras_trainkit._core.kept_chance import kept_chance
from keras_trainkit.callbacks._batches import (
    Batch,
    arrays_of,
    batches_of,
    rows_of,
    training_and_validation,
)
from keras_trainkit.callbacks._constant_loss import constant_losses, data_loss
from keras_trainkit.callbacks._objectives import Objective, are_probabilities, objective_of
from keras_trainkit.callbacks._replaced_calls import without_dropout
from keras_trainkit.callbacks.check_activations import activations_of, scale

_BATCH = 32  # how many rows of arrays go through the model at once, as in `fit`
_LARGE_INPUT = 20.0  # deviations; pixels of 0 to 255 are beyond, normalised ones are not
_CERTAIN = 0.99
_SUM = 0.05  # by how much a softmax may miss a sum of one
_TOO_LOW = (
    "the network knows the labels already. Its weights are not fresh, or the labels leak into the "
    "input, or the loss is weighted down"
)


@dataclass(frozen=True)
class InitialLoss:
    """What `check_initial_loss` found.

    Attributes:
        loss: The mean data loss at the start; NaN where the labels do not fit the outputs.
        expected: log(C); for other losses, that of the best constant prediction; NaN where none
            is known.
        tolerance: How far from `expected` a sound network may be, on the side where it is;
            infinite where that side is not judged.
        passed: Whether it is that near and nothing else is wrong; where nothing is expected,
            whether the loss is finite.
        verdict: The same in words, and what a wrong value usually means.
    """

    loss: float
    expected: float
    tolerance: float
    passed: bool
    verdict: str

    def __str__(self) -> str:
        return self.verdict


class InitialLossCheck(keras.callbacks.Callback):
    """Says in words, before the first step, whether the loss starts where it should.

    The check is `check_initial_loss`; its answer is printed and kept in `result`. Nothing is
    assigned: training goes on as if the callback were not there.

    Args:
        data: What is trained on (a callback does not see it): `(x, y)`, `(x, y, sample_weight)`
            or an iterable of such batches, say a `tf.data.Dataset`; its first batches are read.
        classes: C; read from the model's outputs where it is None.
        examples: Stop reading when so many rows have been seen.
        verbose: 0 prints nothing.

    Raises:
        ValueError: If an argument breaks its rule; when training begins, as
            `check_initial_loss` does.

    Example:

    >>> import numpy as np
    >>> keras.utils.set_random_seed(1)
    >>> x = np.random.normal(size=(64, 8)).astype("float32")
    >>> y = np.arange(64) % 10
    >>> model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(10, "softmax")])
    >>> model.compile("sgd", "sparse_categorical_crossentropy")
    >>> check = InitialLossCheck((x, y))
    >>> _ = model.fit(x, y, verbose=0, callbacks=[check])  # doctest: +ELLIPSIS
    The loss at the start is ..., as it should be: log(10) = 2.30, at most ... above it.
    >>> check.result.passed
    True

    Source: CS231n 2020, lecture 8, "Choosing hyperparameters", step 1.
    """

    def __init__(
        self, data: Any, classes: int | None = None, examples: int = 256, verbose: int = 1
    ) -> None:
        super().__init__()
        self.data = data
        self.classes = None if classes is None else arguments.integer(self, "classes", classes, 2)
        self.examples = arguments.integer(self, "examples", examples, 1)
        self.verbose = verbose
        self.result: InitialLoss | None = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Runs the check."""
        self.result = check_initial_loss(self.model, self.data, self.classes, self.examples)
        if self.verbose:
            print(self.result.verdict)


def check_initial_loss(
    model: keras.Model, data: Any, classes: int | None = None, examples: int = 256
) -> InitialLoss:
    """Compares a model's data loss at its initial weights with log(C), or with a constant's.

    The loss is the compiled one in training mode (evaluating would normalise with moving
    statistics that have seen no data yet), less the regularisers, without sample weights. Layers
    without weights act as in testing: dropout raises the variance of sound outputs, and noise and
    augmentation are no part of the question. Dropout inside of a layer with weights, say an LSTM,
    stays. It runs inside `keras.StatelessScope`: weights, moving statistics, seeds and metrics
    stay.

    A sound network may start up to

        tolerance = 1 + d above log(C), or d below it,
        d = 3 sqrt(2 (sum_k q_k^2 - 1/C + 1/n))

    The 1 is what logits of variance v add to the mean of log sum exp, at most v/2, for the v = 2
    of He's initialisation on inputs of unit variance. d is three standard deviations of the luck
    of the labels among such logits: n rows, of which the share q_k belongs to class k.

    Other losses are compared with the loss L(c) of the best constant prediction c, the mean of
    the labels or their median, whichever is better. There

        tolerance = (L(c + s) + L(c - s)) / 2 - L(c) + d above L(c), or d below it,
        s^2 = 2 + 6 / sqrt(2 k),

    for outputs of that variance round c, with three standard deviations of the luck of the last
    weights of k outputs, and d three standard errors by the spread between parts of the rows:
    below that of L(c), above the largest of the three. Where c - s has no loss, as with Poisson's,
    it is c exp(s) and c exp(-s). Outputs that are probabilities, or logits by `from_logits=True`,
    are moved as logits, round equal ones; a loss below theirs is not judged, since the last bias
    may know the shares of the classes.

    Some losses cannot be judged, and the verdict says so: those of several outputs; Dice and
    Tversky, which are no mean over rows; an unknown one whose labels are not shaped as outputs.

    Args:
        model: A model compiled with a cross-entropy: softmax (sparse or not, `from_logits` or
            not, also with soft labels) or sigmoid, whose expectation is log(2) for each output;
            or with another loss, of labels shaped as the outputs.
        data: `(x, y)` or `(x, y, sample_weight)`, an iterable of such batches, or
            `(train, validation)`, of which the first is read; weights are left out, since they
            scale the loss and its expectation alike.
        classes: C; read from the model's outputs where it is None. With another loss than a
            cross-entropy it makes log(C) the expectation.
        examples: Stop reading `data` when so many rows have been seen.

    Returns:
        The figures and the verdict.

    Raises:
        ValueError: If the model or the data are not what is said above.

    Example:

    >>> import numpy as np
    >>> keras.utils.set_random_seed(1)
    >>> x = np.random.normal(size=(64, 8)).astype("float32")
    >>> y = np.arange(64) % 10
    >>> model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(10, "softmax")])
    >>> model.compile("sgd", "sparse_categorical_crossentropy")
    >>> check_initial_loss(model, (x, y)).passed, check_initial_loss(model, (255 * x, y)).passed
    (True, False)

    Source: CS231n 2020, lecture 8, "Choosing hyperparameters", step 1; the tolerance is ours.
    """
    who = "check_initial_loss"
    if not isinstance(model, keras.Model):
        arguments.refuse(who, "model", "be a compiled keras.Model", type(model).__name__)
    if not model.compiled or not _has_loss(model):
        cure = "A loss inside of `train_step` cannot be seen." if model.compiled else ""
        arguments.refuse(who, "model", "be compiled with its loss", model.name, cure)
    objective = objective_of(model.loss)
    batches = _first(arguments.integer(who, "examples", examples, 1), data)
    if not model.built:
        model(batches[0].x)

    # A regulariser asks the scope for its weight, so the scope has to know the weights.
    with (
        kept_chance(),
        without_dropout(model),
        keras.StatelessScope([(variable, variable.value) for variable in model.variables]),
        warnings.catch_warnings(),  # said in the verdict, on every backend
    ):
        warnings.filterwarnings("ignore", ".*received `from_logits=True`", UserWarning)
        predictions = [model(batch.x, training=True) for batch in batches]
        arrays = [keras.tree.flatten(part) for part in (predictions[0], batches[0].y)]
        if any(len(leaves) > 1 for leaves in arrays):
            loss = data_loss(model, batches, predictions)
            return _unjudged(loss, "the model has several outputs, or arrays of labels")
        parts = [ops.convert_to_numpy(keras.tree.flatten(part)[0]) for part in predictions]
        outputs = np.concatenate([_flat(part) for part in parts])  # images may differ in size
        if not objective.known and classes is None:
            return _against_constant(model, objective, batches, predictions, outputs)
        width = objective.classes(outputs)
        bad_labels, shares = _shares(objective, batches, parts, width)
        loss = math.nan if bad_labels else data_loss(model, batches, predictions)

    classes = width if classes is None else classes
    classes = arguments.integer(
        who, "classes", classes, 2, "One output takes a binary cross-entropy."
    )
    fault = bad_labels or objective.outputs_fault(outputs)
    if objective.known and classes != width:
        fault = fault or f"there are {classes} classes, and the outputs tell {width} apart"
    rows = sum(batch.rows for batch in batches)
    luck = 3 * math.sqrt(2 * (max(0.0, float(np.sum(shares**2)) - 1 / width) + 1 / rows))
    expected = math.log(classes)
    tolerance = luck if loss < expected else 1 + luck
    passed = not fault and abs(loss - expected) <= tolerance

    start, chance = f"The loss at the start is {loss:.2f}", f"log({classes}) = {expected:.2f}"
    if bad_labels:
        verdict = f"The loss at the start is undefined: {bad_labels}."
    elif fault:
        verdict = f"{start}, but {fault}."
    elif passed:
        side = "below" if loss < expected else "above"
        verdict = f"{start}, as it should be: {chance}, at most {tolerance:.2f} {side} it."
    else:
        cause = _TOO_LOW if loss < expected else _too_high(model, objective, outputs, batches)
        verdict = f"{start}, where {chance} is expected: {cause}."
    return InitialLoss(loss, expected, tolerance, passed, verdict)


def _against_constant(
    model: keras.Model,
    objective: Objective,
    batches: list[Batch],
    predictions: list[Any],
    outputs: np.ndarray,
) -> InitialLoss:
    """The verdict on a loss that is no cross-entropy."""
    loss = data_loss(model, batches, predictions)
    if not objective.additive:
        return _unjudged(loss, "this one is no mean over the rows")
    parts = [part for batch in batches for part in _in_parts(batch)]
    link = _from_logits(objective, outputs, batches)
    found = constant_losses(model, parts, outputs.shape[-1] if outputs.ndim > 1 else 1, link)
    if found is None:
        why = "this loss is not known, and the labels are not shaped as the outputs"
        return _unjudged(loss, f"{why} (if it is a cross-entropy, give `classes`)")
    below, at, above = found
    expected = float(at.mean())
    room = max(0.0, float((below + above).mean()) / 2 - expected)
    tolerance = room + max(map(_luck, found))
    if loss < expected:
        tolerance = _luck(at) if link is None else math.inf
    passed = abs(loss - expected) <= tolerance
    start = f"The loss at the start is {loss:.3g}"
    constant = (
        f"{'a constant prediction has' if link is None else 'equal outputs have'} {expected:.3g}"
    )
    if passed and math.isinf(tolerance):
        verdict = f"{start}, no higher than it should be: {constant}."
    elif passed:
        side = "below" if loss < expected else "above"
        verdict = f"{start}, as it should be: {constant}, at most {tolerance:.2g} {side} it."
    elif loss < expected:
        verdict = f"{start}, where {constant}: {_TOO_LOW}."
    else:
        verdict = f"{start}, where {constant}: {_too_far(model, objective, outputs, batches)}."
    return InitialLoss(loss, expected, tolerance, passed, verdict)


def _luck(losses: np.ndarray) -> float:
    """Three standard errors of the mean; of a single part, all of it."""
    if len(losses) < 2:
        return abs(float(losses[0]))
    return 3 * float(losses.std(ddof=1)) / math.sqrt(len(losses))


def _unjudged(loss: float, why: str) -> InitialLoss:
    verdict = f"The loss at the start is {loss:.3g}; what it should be cannot be told: {why}."
    return InitialLoss(loss, math.nan, math.nan, math.isfinite(loss), verdict)


def _from_logits(
    objective: Objective, outputs: np.ndarray, batches: Sequence[Batch]
) -> Callable[[np.ndarray], np.ndarray] | None:
    """What makes outputs of logits; None where they are no probabilities."""
    if objective.from_logits:
        return np.asarray
    in_range = all(np.all((labels >= 0) & (labels <= 1)) for labels in _labels(batches))
    if not in_range or not are_probabilities(outputs):
        return None
    if np.all(np.abs(outputs.sum(-1, dtype="float64") - 1) < _SUM):
        return _softmax
    return lambda logits: 1 / (1 + np.exp(-logits))


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits)
    return powers / powers.sum(-1, keepdims=True)


def _has_loss(model: keras.Model) -> bool:
    """Also one that a subclass computes itself."""
    compiled = any(loss is not None for loss in keras.tree.flatten(model.loss))
    return compiled or type(model).compute_loss is not keras.Model.compute_loss


def _in_parts(batch: Batch) -> list[Batch]:
    """Four or fewer, for the spread between them."""
    return [
        rows_of(batch, places) for places in np.array_split(np.arange(batch.rows), 4) if len(places)
    ]


def _first(examples: int, data: Any) -> list[Batch]:
    """The first batches, up to so many rows."""
    train, _ = training_and_validation(data)
    taken: list[Batch] = []
    seen = 0
    for batch in _even_batches(train):
        taken.append(batch)
        seen += batch.rows
        if seen >= examples:
            break
    if not seen:
        arguments.refuse("check_initial_loss", "data", "hold at least one batch", "none")
    return taken


def _even_batches(data: Any) -> Iterator[Batch]:
    """Arrays in pieces as `fit` would take them, but of equal size: one row has no variance."""
    arrays = arrays_of(data, "check_initial_loss")
    size = _BATCH
    if arrays is not None and arrays.rows:
        size = math.ceil(arrays.rows / math.ceil(arrays.rows / _BATCH))
    return batches_of("check_initial_loss", data, size)


def _flat(outputs: np.ndarray) -> np.ndarray:
    """As (positions, units)."""
    return outputs.reshape(-1, outputs.shape[-1]) if outputs.ndim > 1 else outputs


def _labels(batches: Sequence[Batch]) -> list[np.ndarray]:
    """The labels."""
    return [keras.tree.flatten(batch.y)[0] for batch in batches]


def _shares(
    objective: Objective, batches: Sequence[Batch], outputs: Sequence[np.ndarray], width: int
) -> tuple[str, np.ndarray]:
    """What is wrong with the labels, and the share of each class."""
    pairs = list(zip(_labels(batches), outputs, strict=True))
    fault = next(filter(None, (objective.shape_fault(y.shape, o.shape) for y, o in pairs)), "")
    if not fault and objective.known:
        labels = np.concatenate([y.reshape(len(_flat(o)), -1) for y, o in pairs])
        fault = objective.labels_fault(labels, width)
        if not fault:
            return "", objective.shares(labels, width)
    return fault, np.full(width, 1 / width)


def _too_far(
    model: keras.Model, objective: Objective, outputs: np.ndarray, batches: Sequence[Batch]
) -> str:
    """What a loss far above that of a constant usually means."""
    labels = np.concatenate([label.ravel() for label in _labels(batches)])
    if not np.all(np.isfinite(labels)):
        return "the labels hold values that are not finite"
    mean = abs(float(labels.mean()))
    if mean > max(1.0, float(labels.std()), float(np.abs(outputs).mean())):
        return (
            f"the labels are far from zero, where a network starts (mean {labels.mean():.3g}, "
            f"deviation {labels.std():.3g}): subtract their mean and divide by their deviation, or "
            "start the last bias there"
        )
    return _too_high(model, objective, outputs, batches)


def _too_high(
    model: keras.Model, objective: Objective, outputs: np.ndarray, batches: Sequence[Batch]
) -> str:
    """What a loss far above chance, or not finite, usually means."""
    inputs = keras.tree.flatten(batches[0].x)[0]
    if inputs.dtype.kind == "f" and not np.all(np.isfinite(inputs)):
        return "the input holds values that are not finite"
    if objective.summed:
        return "the loss is summed over the batch (reduction='sum'), so that it grows with it"
    _, received = activations_of(model, batches[0].x)
    _, reach = scale(received)
    if reach > _LARGE_INPUT:
        return (
            f"the input reaches {reach:.3g}, so it is probably not normalised: subtract its mean "
            "and divide by its deviation"
        )
    if objective.certainty(outputs) > _CERTAIN:
        return (
            "the outputs are saturated, sure of one class at the start: make the initial weights "
            "smaller, those of the last layer first"
        )
    return "the outputs start too large: make the initial weights of the last layer smaller"
