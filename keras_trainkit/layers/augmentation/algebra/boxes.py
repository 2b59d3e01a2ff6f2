"""Boxes of whole pixels: (n, 4) int32 of top, left, bottom, right; the last two stand outside."""

from __future__ import annotations

from typing import Any

from keras_trainkit._core.lazy import tf
from keras_trainkit.layers.augmentation.algebra.coordinates import Size


def centred_at(y: Any, x: Any, height: Any, width: Any, size: Size) -> Any:
    """Boxes of `height` x `width` round the pixel (y, x), cut off at the image's border."""
    top, left = y - height // 2, x - width // 2
    edges = [
        tf.clip_by_value(edge, 0, length)
        for edge, length in (
            (top, size[0]),
            (left, size[1]),
            (top + height, size[0]),
            (left + width, size[1]),
        )
    ]
    return tf.stack(edges, axis=1)


def area(boxes: Any) -> Any:
    """(n,) int32, the pixels inside."""
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def inside(boxes: Any, size: Size) -> Any:
    """(n, h, w, 1) bool, True inside the box."""
    y = tf.range(size[0])[None, :]
    x = tf.range(size[1])[None, :]
    # no `boxes[:, 0, None]`: of a stack TensorFlow's graph optimiser loses the new axis
    top, left, bottom, right = (edge[:, None] for edge in tf.unstack(boxes, axis=1))
    tall = (y >= top) & (y < bottom)
    wide = (x >= left) & (x < right)
    return (tall[:, :, None] & wide[:, None, :])[..., None]
