"""Colour maps: affine maps of the channels, one an image.

A map is an (n, c, c + 1) float32 tensor that takes (v_1, ..., v_c, 1), the values of a pixel, to
its new values; c is 3 (RGB) or 1.  The luma is 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601); of one
channel it is the channel itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_trainkit._core.lazy import tf

LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def build(linear: Any, constant: Any) -> Any:
    """The map v' = linear v + constant, from (n, c, c) and (n, c)."""
    return tf.concat([linear, constant[:, :, None]], axis=2)


def identity(rows: Any, channels: int) -> Any:
    """The map that changes nothing, `rows` times."""
    return scale(tf.ones([rows]), channels)


def scale(factor: Any, channels: int) -> Any:
    """All channels times the (n,) `factor`."""
    linear = factor[:, None, None] * tf.eye(channels)
    return build(linear, tf.zeros_like(linear[:, :, 0]))


def add(shift: Any) -> Any:
    """The (n, c) `shift` added."""
    channels = shift.shape[1]
    eye = tf.broadcast_to(tf.eye(channels), [tf.shape(shift)[0], channels, channels])
    return build(eye, shift)


def contrast(factor: Any, mean: Any) -> Any:
    """Values scaled by the (n,) `factor` away from the luma of the (n, c) `mean`."""
    channels = mean.shape[1]
    pivot = (1.0 - factor) * luma(mean)
    return build(factor[:, None, None] * tf.eye(channels), tf.repeat(pivot[:, None], channels, 1))


def saturation(factor: Any) -> Any:
    """RGB scaled by the (n,) `factor` away from its own luma: 0 is grey, 1 changes nothing."""
    grey = tf.constant(np.tile(LUMA, (3, 1)))
    linear = grey + factor[:, None, None] * (tf.eye(3) - grey)
    return build(linear, tf.zeros_like(linear[:, :, 0]))


def hue(angle: Any) -> Any:
    """RGB turned by the (n,) `angle`, in radians, about the grey axis (Rodrigues' formula)."""
    axis = 1.0 / np.sqrt(3.0)
    cross = axis * np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]], np.float32)
    grey = np.full((3, 3), 1.0 / 3.0, np.float32)
    cos, sin = (f(angle)[:, None, None] for f in (tf.cos, tf.sin))
    linear = grey + cos * (tf.eye(3) - grey) + sin * tf.constant(cross, tf.float32)
    return build(linear, tf.zeros_like(linear[:, :, 0]))


def luma(values: Any) -> Any:
    """(n,) luma of (n, c) values."""
    if values.shape[1] == 1:
        return values[:, 0]
    r, g, b = (float(weight) for weight in LUMA)
    return r * values[:, 0] + g * values[:, 1] + b * values[:, 2]


def transform(matrix: Any, values: Any) -> Any:
    """The (n, c) values that the maps make of (n, c) values."""
    # written out: a matrix product may run in reduced precision on an accelerator
    return tf.reduce_sum(matrix[:, :, :-1] * values[:, None, :], axis=2) + matrix[:, :, -1]


def compose(first: Any, second: Any) -> Any:
    """The map of doing `first`, then `second`."""
    terms = second[:, :, :-1, None] * first[:, None, :, :]
    product = tf.reduce_sum(terms, axis=2)
    return tf.concat([product[:, :, :-1], product[:, :, -1:] + second[:, :, -1:]], axis=2)


def apply(images: Any, matrix: Any) -> Any:
    """The images (n, h, w, c) with their colours mapped."""
    m = matrix[:, None, None]
    # one fused pass under XLA, a third of the time of stacked planes or a product of matrices
    terms = [images[..., j : j + 1] * m[..., j] for j in range(matrix.shape[1])]
    return sum(terms, start=m[..., -1])


def apply_uniform(images: Any, matrix: Any) -> Any:
    """`apply` of matrices that scale and shift all channels alike, in half the time."""
    scale, shift = matrix[:, 0, 0], matrix[:, 0, -1]
    return images * scale[:, None, None, None] + shift[:, None, None, None]


def mean(images: Any) -> Any:
    """(n, c) means of float32 images (n, h, w, c) over their pixels."""
    shape = tf.shape(images)
    height, width, channels = shape[1], shape[2], images.shape[3]
    lines = tf.reshape(images, [shape[0], height, width * channels])
    # a product with ones adds whole rows at once, where XLA's reduction takes pixel by pixel
    sums = tf.linalg.matvec(lines, tf.ones([shape[0], height]), transpose_a=True)
    columns = tf.reshape(sums, [shape[0], width, channels])
    return tf.reduce_sum(columns, axis=1) / tf.cast(height * width, tf.float32)
