"""What a prediction that knows nothing costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_trainkit.callbacks._batches import Batch

_SPREAD = math.sqrt(2)  # of outputs at the start, by He's initialisation


def data_loss(model: keras.Model, batches: Sequence[Batch], predictions: Sequence[Any]) -> float:
    """The mean over rows of the compiled loss, less the regularisers, without sample weights."""
    total = 0.0
    for batch, prediction in zip(batches, predictions, strict=True):
        loss = model.compute_loss(x=batch.x, y=batch.y, y_pred=prediction)
        total += batch.rows * (float(loss) - sum(float(penalty) for penalty in model.losses))
    return total / sum(batch.rows for batch in batches)


def constant_losses(
    model: keras.Model, batches: Sequence[Batch], width: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Of each batch, the loss of the best constant: the mean of the labels, or their median.

    Args:
        model: A compiled model with one output.
        batches: Those with the labels.
        width: The length of an output's last axis.

    Returns:
        Three arrays of shape `(batches,)`: the losses of the constant less sqrt(2), of the
        constant, and of the constant and sqrt(2); None where a mean of the labels is no
        prediction.
    """
    labels = [keras.tree.flatten(batch.y)[0] for batch in batches]
    if any(label.dtype.kind not in "fiub" for label in labels):
        return None
    labels = [label[:, None] if label.ndim == 1 else label for label in labels]
    if labels[0].shape[-1] != width:
        return None
    every = np.concatenate(labels).astype("float64")

    def losses(prediction: np.ndarray) -> np.ndarray:
        tiled = [np.broadcast_to(prediction, label.shape).astype("float32") for label in labels]
        return np.array(
            [
                data_loss(model, [batch], [keras.ops.convert_to_tensor(one)])
                for batch, one in zip(batches, tiled, strict=True)
            ]
        )

    constants = (every.mean(0), np.median(every, axis=0))
    best = min(constants, key=lambda constant: _or_infinity(losses(constant).mean()))
    return losses(best - _SPREAD), losses(best), losses(best + _SPREAD)


def _or_infinity(loss: float) -> float:
    return loss if math.isfinite(loss) else math.inf
