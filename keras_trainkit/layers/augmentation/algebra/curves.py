"""Tone curves: tables from grey level to grey level, one an image or one an image and channel.

A curve is an (n, 1, 256) or (n, c, 256) int32 tensor: entry i is the level that takes the place
of level i, both in [0, 255].  A histogram is (n, c, 256) int32: how many pixels have each level.
Curves compose exactly, clipping included, and one histogram serves a whole run of them: `carry`
takes it through a curve.
"""

from __future__ import annotations

from typing import Any

from keras_trainkit._core.lazy import tf

LEVELS = 256
WHITE = LEVELS - 1
_STRIP = 2**15


def identity(rows: Any) -> Any:
    """The curve that changes nothing, `rows` times."""
    return tf.tile(_ramp(), [rows, 1, 1])


def invert(rows: Any) -> Any:
    """The negative, `rows` times."""
    return WHITE - identity(rows)


def posterize(bits: Any) -> Any:
    """Only the highest `bits`, (n,) int32 in [0, 8], of each level kept."""
    low = tf.bitwise.left_shift(tf.ones_like(bits), 8 - bits) - 1
    return tf.bitwise.bitwise_and(_ramp(), tf.bitwise.invert(low)[:, None, None])


def solarize(threshold: Any, addition: Any) -> Any:
    """Levels plus the (n,) `addition`, clipped; then those from the (n,) `threshold` inverted."""
    raised = _clip(_ramp() + _each(addition))
    return tf.where(
        tf.cast(raised, tf.float32) < _each(threshold, tf.float32), raised, WHITE - raised
    )


def gamma(exponent: Any) -> Any:
    """255 (i / 255)^exponent, rounded, for the (n,) `exponent`."""
    # float64, or the compilers would disagree on which way the odd level is rounded
    share = tf.cast(_ramp(), tf.float64) / WHITE
    return tf.cast(tf.round(WHITE * share ** _each(exponent, tf.float64)), tf.int32)


def brightness(factor: Any) -> Any:
    """Levels times the (n,) `factor`: `ImageEnhance.Brightness`, which rounds down."""
    return contrast(factor, tf.zeros_like(factor))


def contrast(factor: Any, mean: Any) -> Any:
    """Levels scaled by the (n,) `factor` away from the (n,) grey `mean`, rounded to a level.

    `ImageEnhance.Contrast`, which rounds the mean to the nearest and the result down.
    """
    pivot = _each(tf.floor(mean + 0.5))
    scaled = pivot + _each(factor) * (tf.cast(_ramp(), tf.float32) - pivot)
    return tf.cast(tf.clip_by_value(scaled, 0.0, float(WHITE)), tf.int32)


def equalize(histogram: Any) -> Any:
    """The curve that makes every level equally frequent, as nearly: `ImageOps.equalize`."""
    below = tf.cumsum(histogram, axis=2, exclusive=True)
    # all pixels but those of the lightest level that occurs
    spread = tf.reduce_max(tf.where(histogram > 0, below, 0), axis=2, keepdims=True)
    step = spread // WHITE
    curve = (step // 2 + below) // tf.maximum(step, 1)
    return tf.where(step > 0, tf.minimum(curve, WHITE), _ramp())


def autocontrast(histogram: Any) -> Any:
    """The curve that takes the darkest level to black, the lightest to white, rounding down.

    `ImageOps.autocontrast`, in whole numbers where Pillow rounds a float.
    """
    used = histogram > 0
    low = tf.reduce_min(tf.where(used, _ramp(), WHITE), axis=2, keepdims=True)
    high = tf.reduce_max(tf.where(used, _ramp(), 0), axis=2, keepdims=True)
    curve = (_ramp() - low) * WHITE // tf.maximum(high - low, 1)
    return tf.where(high > low, _clip(curve), _ramp())


def compose(first: Any, second: Any) -> Any:
    """The curve of doing `first`, then `second`, which may be one for all images."""
    shape = [tf.shape(first)[0], max(first.shape[1], second.shape[1]), LEVELS]
    first, second = (tf.broadcast_to(curve, shape) for curve in (first, second))
    return tf.gather(second, first, axis=2, batch_dims=2)


def apply(levels: Any, curve: Any) -> Any:
    """Levels (n, h, w, c), of any integer dtype, after the curve, int32."""
    curves = curve.shape[1]
    first = tf.range(tf.shape(curve)[0])[:, None] * curves + tf.range(curves)
    places = LEVELS * first[:, None, None, :] + tf.cast(levels, tf.int32)
    return tf.gather(tf.reshape(curve, [-1]), places)


def histograms(levels: Any) -> Any:
    """(n, c, 256) histograms of levels (n, h, w, c) of any integer dtype."""
    rows = tf.shape(levels)[0]
    height, width, channels = levels.shape[1:]
    if height is None or width is None or height * width * channels <= _STRIP:
        return _histograms(levels)
    # strips that stay in the cache are counted in two thirds of the time of whole images
    most = max(1, _STRIP // (width * channels))
    strips = next(k for k in range(1, height + 1) if height % k == 0 and height // k <= most)
    strip = tf.reshape(levels, [rows * strips, height // strips, width, channels])
    counts = tf.map_fn(lambda each: _histograms(each[None])[0], strip, fn_output_signature=tf.int32)
    return tf.reduce_sum(tf.reshape(counts, [rows, strips, channels, LEVELS]), axis=1)


def carry(histogram: Any, curve: Any) -> Any:
    """The (n, c, 256) histogram of what the curve makes of pixels with this histogram."""
    shape = tf.shape(histogram)
    rows, channels = shape[0], histogram.shape[1]
    first = tf.range(rows)[:, None] * channels + tf.range(channels)
    return _count(LEVELS * first[:, :, None] + curve, rows, channels, histogram)


def are_levels(images: Any, value_range: tuple[float, float]) -> bool:
    """Whether the values of the images are their levels."""
    return images.dtype == tf.uint8 and value_range == (0, WHITE)


def levels(images: Any, value_range: tuple[float, float]) -> Any:
    """Images (n, h, w, c) rounded to 256 levels over `value_range`, int32."""
    if are_levels(images, value_range):
        return tf.cast(images, tf.int32)
    low, high = value_range
    scaled = (tf.cast(images, tf.float32) - low) * (WHITE / (high - low))
    # NaN, which no cast agrees on, becomes black
    clipped = tf.minimum(tf.where(scaled > 0, scaled, 0.0), float(WHITE))
    return tf.cast(tf.round(clipped), tf.int32)


def values(levels: Any, value_range: tuple[float, float]) -> Any:
    """The float32 values in `value_range` that stand for the levels."""
    low, high = value_range
    return tf.minimum(low + tf.cast(levels, tf.float32) * ((high - low) / WHITE), high)


def _ramp() -> Any:
    return tf.range(LEVELS)[None, None, :]


def _each(numbers: Any, dtype: Any = None) -> Any:
    """(n, 1, 1), for curves, from (n,)."""
    return tf.cast(numbers, dtype or numbers.dtype)[:, None, None]


def _clip(levels: Any) -> Any:
    return tf.clip_by_value(levels, 0, WHITE)


def _histograms(levels: Any) -> Any:
    rows, channels = tf.shape(levels)[0], levels.shape[3]
    first = tf.range(rows)[:, None] * channels + tf.range(channels)
    places = LEVELS * first[:, None, None, :] + tf.cast(levels, tf.int32)
    return _count(places, rows, channels)


def _count(places: Any, rows: Any, channels: int, weights: Any = None) -> Any:
    weights = tf.ones_like(places) if weights is None else weights
    flat = tf.math.unsorted_segment_sum(weights, places, rows * channels * LEVELS)
    return tf.reshape(flat, [rows, channels, LEVELS])
