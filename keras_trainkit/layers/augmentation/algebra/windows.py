"""The part of an image that a coordinate map reads."""

from __future__ import annotations

from typing import Any

from keras_trainkit._core.lazy import tf
from keras_trainkit.layers.augmentation.algebra.coordinates import Size


def reach(maps: Any, size: Size, image: Size, margin: int) -> Any:
    """(4,) int32: top, left, height and width of what a triangle filter reads, cut at the border.

    Args:
        maps: (1, 2, 3) without cross terms.
        size: (height, width) of the result.
        image: (height, width) of the image, which the maps do not leave.
        margin: Pixels more on each side.
    """
    edges = []
    for axis, length in enumerate(size):
        scale, first = maps[0, axis, axis], maps[0, axis, 2]
        last = first + scale * tf.cast(length - 1, tf.float32)
        width = tf.maximum(1.0, tf.abs(scale)) + margin
        begin = tf.maximum(tf.cast(tf.floor(tf.minimum(first, last) - width), tf.int32), 0)
        end = tf.cast(tf.math.ceil(tf.maximum(first, last) + width), tf.int32) + 1
        edges.append((begin, tf.minimum(end, image[axis]) - begin))
    (top, height), (left, width) = edges
    return tf.stack([top, left, height, width])
