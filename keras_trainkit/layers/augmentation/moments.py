"""Mean and covariance of a data set's pixels, in one streaming pass."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from keras_trainkit._core.arguments import refuse
from keras_trainkit._core.lazy import tf


def pixel_moments(
    owner: object, data: Any, steps: int | None = None, verbose: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """The mean (c,) and covariance (c, c) of all pixels, over the number of pixels.

    Args:
        owner: Whose `adapt` it is, for the errors.
        data: An array (n, h, w, c), or an iterable (a `tf.data.Dataset`, say) of images or
            batches, alone, first in a tuple, or under the key `"images"`; gone through once.
        steps: Stop after this many elements; by default at the end.
        verbose: 1 shows a progress bar.

    Raises:
        ValueError: for no pixels at all, pixels that are not finite, other shapes, or channels
            whose number changes.
    """
    count, mean, scatter = 0, np.zeros(0), np.zeros((0, 0))
    bar = keras.utils.Progbar(_length(data, steps), verbose=verbose, unit_name="element")
    for index, images in enumerate(_elements(owner, data), 1):
        if images.ndim not in (3, 4):
            refuse(owner, "data", "hold images or batches of them", f"shape {images.shape}")
        pixels = images.reshape(-1, images.shape[-1]).astype(np.float64)
        if not len(pixels):
            continue
        if not np.isfinite(pixels).all():
            refuse(owner, "data", "hold finite pixels", f"NaN or infinity in element {index}")
        batch_mean = pixels.mean(axis=0)
        if count and len(batch_mean) != len(mean):
            refuse(owner, "data", f"keep to {len(mean)} channels", f"shape {images.shape}")
        centred = pixels - batch_mean
        if not count:
            mean, scatter = np.zeros_like(batch_mean), np.zeros((len(batch_mean),) * 2)
        # Chan, Golub & LeVeque 1983: two sets' moments merge without going back to their pixels
        shift, total = batch_mean - mean, count + len(pixels)
        scatter += centred.T @ centred + np.outer(shift, shift) * count * len(pixels) / total
        mean += shift * len(pixels) / total
        count = total
        bar.update(index)
        if index == steps:
            break
    if not count:
        refuse(owner, "data", "hold at least one image", "none")
    if bar.target is None:
        bar.update(index, finalize=True)  # of an unknown end the bar is not told otherwise
    return mean, scatter / count


def _elements(owner: object, data: Any) -> Iterable[np.ndarray]:
    if isinstance(data, np.ndarray) or tf.is_tensor(data):
        if len(data.shape) != 4:
            # of three axes the last one could be the width of grey images
            rule = "have the shape (n, height, width, channels)"
            refuse(owner, "data", rule, f"shape {tuple(data.shape)}")
        # in pieces, since float64 copies of all of it may not fit
        yield from (np.asarray(data[i : i + 256]) for i in range(0, len(data), 256))
        return
    for element in data:
        if isinstance(element, dict):
            element = element["images"]
        elif isinstance(element, tuple | list):
            element = element[0]
        yield np.asarray(element)


def _length(data: Any, steps: int | None) -> int | None:
    if steps is not None or isinstance(data, np.ndarray) or tf.is_tensor(data):
        return steps or -(-len(data) // 256)
    cardinality = int(data.cardinality()) if hasattr(data, "cardinality") else -1
    return cardinality if cardinality >= 0 else None
