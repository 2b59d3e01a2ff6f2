"""Gradients for targets that the model itself would give: what the curvature is made of."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import keras
from keras import ops

from keras_trainkit._core.arguments import refuse
from keras_trainkit.optimizers.precision import rule_dtype


def sampled_gradient_of(owner: object, loss: Any) -> Callable[[Any, Any], Any]:
    """How to draw gradients whose covariance is the curvature of a loss.

    Args:
        owner: Who refuses other losses.
        loss: What `compile` takes: the name, the function or an object of one of four losses.

    Returns:
        A function of the model's output, (n, ..., units), and of a `keras.random.SeedGenerator`,
        to a random tensor c of the output's shape. Of one example, E[c c'] is the second derivative
        of its loss (the mean over the places, where the output has any), with respect to the output
        or, where that is a probability, to the logits behind it.
    """
    losses = keras.losses
    known: dict[type, tuple[Any, Any]] = {
        losses.MeanSquaredError: (losses.mean_squared_error, _of_squares),
        losses.BinaryCrossentropy: (losses.binary_crossentropy, _of_bits),
        losses.CategoricalCrossentropy: (losses.categorical_crossentropy, _of_classes),
        losses.SparseCategoricalCrossentropy: (
            losses.sparse_categorical_crossentropy,
            _of_classes,
        ),
    }
    given: Any = loss
    if isinstance(loss, str):
        given = losses.get(loss)
    for cls, (function, _) in known.items():
        if given is function:
            given = cls()
    if type(given) not in known:  # a subclass may compute anything
        names = ", ".join(cls.__name__ for cls in known)
        refuse(owner, "loss", f"be one of {names}", loss, "The curvature of others is not known.")
    if given.reduction != "sum_over_batch_size":
        refuse(owner, "loss", "have the reduction 'sum_over_batch_size'", given.reduction)
    if getattr(given, "axis", -1) != -1:
        refuse(owner, "loss", "have its classes on the last axis", given.axis)
    if getattr(given, "ignore_class", None) is not None:
        refuse(owner, "loss", "ignore no class", given.ignore_class, "Use sample weights.")
    return partial(_drawn, known[type(given)][1], getattr(given, "from_logits", False))


def _drawn(gradient: Callable[..., Any], logits: bool, prediction: Any, seeds: Any) -> Any:
    if not ops.is_tensor(prediction) or len(prediction.shape) < 2:
        raise ValueError(
            "`KFAC`: the model must have one output of the shape (batch, ..., units), got "
            f"{prediction!r}."
        )
    prediction = ops.cast(prediction, rule_dtype(prediction))
    places = math.prod(ops.shape(prediction)[1:-1])
    drawn = gradient(prediction, seeds, logits)
    return drawn / ops.sqrt(ops.cast(places, drawn.dtype))


def _of_squares(prediction: Any, seeds: Any, _: bool) -> Any:
    """A normal distribution round the prediction; the loss is the mean over the units."""
    noise = keras.random.normal(ops.shape(prediction), dtype=prediction.dtype, seed=seeds)
    return noise * (2 / prediction.shape[-1]) ** 0.5


def _of_bits(prediction: Any, seeds: Any, logits: bool) -> Any:
    """Independent bits; the loss is the mean over the units, the deviation goes by its root."""
    p = ops.sigmoid(prediction) if logits else prediction
    drawn = keras.random.uniform(ops.shape(p), dtype=p.dtype, seed=seeds) < p
    if logits:
        gradient = p - ops.cast(drawn, p.dtype)
    else:
        gradient = ops.where(drawn, -1 / ops.where(drawn, p, 1), 1 / ops.where(drawn, 1, 1 - p))
    return gradient / p.shape[-1] ** 0.5


def _of_classes(prediction: Any, seeds: Any, logits: bool) -> Any:
    """One class of each row: the first of exponential clocks that go at the rates p."""
    p = ops.softmax(prediction) if logits else prediction
    u = keras.random.uniform(ops.shape(p), dtype=p.dtype, seed=seeds)
    drawn = ops.one_hot(ops.argmax(p / -ops.log(u), axis=-1), p.shape[-1], dtype=p.dtype)
    return p - drawn if logits else -drawn / ops.where(drawn > 0, p, 1)
