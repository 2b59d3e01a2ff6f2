"""Filters: functions of a pixel's neighbourhood, on float32 images (n, h, w, c)."""

from __future__ import annotations

from typing import Any

from keras_trainkit._core.lazy import tf
from keras_trainkit.layers.augmentation.algebra import coordinates, resampling


def sharpen(images: Any, factor: Any) -> Any:
    """The images moved by the (n,) `factor` from their smooth version: 0 is that, 1 no change.

    The smooth version is the mean over 3x3 pixels, the middle one counted five times; the
    outermost pixels stay.
    """
    height, width = resampling.image_size(images)
    channels = images.shape[3]
    # in rows of channels side by side, and with a mask that multiplies, in half the time
    lines = tf.reshape(tf.cast(images, tf.float32), [-1, height, width * channels])
    padded = tf.pad(lines, [[0, 0], [1, 1], [channels, channels]])
    rows = padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]
    total = (
        rows[:, :, : -2 * channels] + rows[:, :, channels:-channels] + rows[:, :, 2 * channels :]
    )
    smooth = (total + 4.0 * lines) / 13.0
    inner = _inner(height, 1)[:, None] * _inner(width, channels)
    share = (1.0 - factor)[:, None, None] * inner
    return tf.reshape(lines + share * (smooth - lines), tf.shape(images))


def gaussian(sigma: Any, reach: int) -> Any:
    """(n, 2 reach + 1) weights, of sum 1, of Gaussians with the (n,) standard deviations."""
    # below a thousandth of a pixel nothing but the middle has any weight
    steps = tf.range(-reach, reach + 1, dtype=tf.float32) / tf.maximum(sigma, 1e-3)[:, None]
    weights = tf.exp(-0.5 * steps**2)
    return weights / tf.reduce_sum(weights, axis=1, keepdims=True)


def extend(images: Any, reach: tuple[int, int], fill_mode: str, fill_value: float) -> Any:
    """The images with `reach` more pixels up and down, and left and right, in their dtype."""
    height, width = resampling.image_size(images)
    size = height + 2 * reach[0], width + 2 * reach[1]
    offsets = (tf.fill([tf.shape(images)[0]], float(pixels)) for pixels in reach)
    return resampling.lattice(images, coordinates.shift(*offsets), size, fill_mode, fill_value)


def convolve(images: Any, weights: Any, axis: int) -> Any:
    """The weighted sums of (n, k) neighbours along an axis, which loses k - 1 pixels."""
    taps = weights.shape[1]
    length = tf.shape(images)[axis] - taps + 1
    total: Any = 0.0
    for k in range(taps):
        part = images[:, k : k + length] if axis == 1 else images[:, :, k : k + length]
        total += weights[:, k, None, None, None] * tf.cast(part, tf.float32)
    return total


def _inner(length: Any, channels: int) -> Any:
    """(length x channels,) float32: 0 at the first and the last pixel, 1 between."""
    place = tf.range(length * channels) // channels
    return tf.cast((place > 0) & (place < length - 1), tf.float32)
