"""What a prediction that knows nothing costs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from keras_trainkit.callbacks._batches import Batch

_Around = tuple[np.ndarray, np.ndarray, np.ndarray]
_VARIANCE = 2.0  # of outputs at the start, by He's initialisation


def data_loss(model: keras.Model, batches: Sequence[Batch], predictions: Sequence[Any]) -> float:
    """The mean over rows of the compiled loss, less the regularisers, without sample weights."""
    total = 0.0
    for batch, prediction in zip(batches, predictions, strict=True):
        loss = model.compute_loss(x=batch.x, y=batch.y, y_pred=prediction)
        total += batch.rows * (float(loss) - sum(float(penalty) for penalty in model.losses))
    return total / sum(batch.rows for batch in batches)


def constant_losses(
    model: keras.Model,
    batches: Sequence[Batch],
    width: int,
    from_logits: Callable[[np.ndarray], np.ndarray] | None = None,
) -> _Around | None:
    """Of each batch, the loss of the best constant: the mean of the labels, or their median.

    Args:
        model: A compiled model with one output.
        batches: Those with the labels.
        width: The length of an output's last axis.
        from_logits: What makes outputs of logits. Where it is given, the constant is logits of
            zero, whatever the labels.

    Returns:
        Three arrays of shape `(batches,)`: the losses of the constant less s in one half of its
        elements, drawn at random, and with s more in the other; of the constant; and the other
        way round. s^2 is the variance of fresh outputs, 2 by He's initialisation, and with three
        standard deviations of the luck of the weights 2 + 6 / sqrt(2 width). None where a mean of
        the labels is no prediction.
    """
    labels = [keras.tree.flatten(batch.y)[0] for batch in batches]
    if any(label.dtype.kind not in "fiub" for label in labels):
        return None
    labels = [label[:, None] if label.ndim == 1 else label for label in labels]
    if any(label.shape[-1] != width for label in labels):
        return None
    one_shape = len({label.shape[1:] for label in labels}) == 1
    every = np.concatenate([label if one_shape else label.reshape(-1, width) for label in labels])
    every = every.astype("float64")
    chance = np.random.default_rng(0)
    signs = [chance.choice((-1.0, 1.0), label.shape) for label in labels]

    spread = math.sqrt(_VARIANCE * (1 + 3 / math.sqrt(2 * width)))

    def losses(prediction: Callable[[np.ndarray], np.ndarray], distance: float = 0) -> np.ndarray:
        made = [prediction(distance * sign).astype("float32") for sign in signs]
        return np.array(
            [
                data_loss(model, [batch], [keras.ops.convert_to_tensor(one)])
                for batch, one in zip(batches, made, strict=True)
            ]
        )

    def around(prediction: Callable[[np.ndarray], np.ndarray]) -> _Around:
        return losses(prediction, -spread), losses(prediction), losses(prediction, spread)

    if from_logits is not None:
        return around(from_logits)
    best = min(
        (every.mean(0), np.median(every, axis=0)),
        key=lambda value: _or_infinity(losses(lambda noise: value + noise).mean()),
    )
    found = around(lambda noise: best + noise)
    if not np.all(np.isfinite(found)):  # a loss of what cannot be negative, say Poisson's
        found = around(lambda noise: best * np.exp(noise))
    return found


def _or_infinity(loss: float) -> float:
    return loss if math.isfinite(loss) else math.inf
