"""Pillow's enhancers of colour and sharpness, on levels, to the level.

Each blends the image with a plain version of itself: image = plain + factor (image - plain), cut
off to whole levels.  Those of brightness and contrast are curves.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_trainkit._core.lazy import tf
from keras_trainkit.layers.augmentation.algebra.resampling import image_size

_LUMA = np.array([19595, 38470, 7471], np.float32) / 2**16


def grey(levels: Any) -> Any:
    """Pillow's mode L of uint8 RGB (n, h, w, 3): (n, h, w, 1) float32; one channel stays itself."""
    values = tf.cast(levels, tf.float32)
    if levels.shape[3] == 1:
        return values
    # float32 holds every product and sum; XLA reduces much faster than it adds single channels
    luma = tf.reduce_sum(values * _LUMA, axis=3, keepdims=True)
    return tf.floor(luma + 0.5)


def color(levels: Any, factor: Any) -> Any:
    """`ImageEnhance.Color`: 0 is grey, 1 changes nothing.

    Args:
        levels: (n, h, w, c) uint8.
        factor: (n,) float32.
    """
    return _blend(grey(levels), levels, factor)


def sharpness(levels: Any, factor: Any) -> Any:
    """`ImageEnhance.Sharpness`: 0 is smooth, 1 changes nothing; the outermost pixels stay.

    Args:
        levels: (n, h, w, c) uint8.
        factor: (n,) float32.
    """
    height, width = image_size(levels)
    padded = tf.cast(tf.pad(levels, [[0, 0], [1, 1], [1, 1], [0, 0]]), tf.float32)
    rows = padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]
    total = rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:]
    smooth = tf.floor((total + 4.0 * tf.cast(levels, tf.float32)) / 13.0 + 0.5)
    y, x = tf.range(height)[:, None, None], tf.range(width)[None, :, None]
    inner = (y > 0) & (y < height - 1) & (x > 0) & (x < width - 1)
    return tf.where(inner, _blend(smooth, levels, factor), levels)


def _blend(plain: Any, levels: Any, factor: Any) -> Any:
    step = tf.cast(levels, tf.float32) - plain
    blended = plain + factor[:, None, None, None] * step
    # of what is not negative the cast cuts off the fraction, as Pillow does
    return tf.cast(tf.clip_by_value(blended, 0.0, 255.0), tf.uint8)
