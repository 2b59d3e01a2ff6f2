"""Resampling: images read at the places that coordinate maps name.

Three readers, from exact to general.  `lattice` moves whole pixels with one gather and keeps the
dtype; `rows` and `columns` resample along an axis with an anti-aliasing triangle filter; `warp`
is bilinear (or nearest) at any place.  Each reads the input's own dtype, so uint8 is never cast
before it is gathered, and each is written to be one XLA kernel: what reads the result belongs in
another, or XLA gathers again for every reader.
"""

from __future__ import annotations

import math
from typing import Any

from keras_trainkit._core.lazy import tf
from keras_trainkit.layers.augmentation.algebra.coordinates import Size

FILL_MODES = ("constant", "nearest", "reflect", "wrap")
INTERPOLATIONS = ("bilinear", "nearest")


def lattice(images: Any, maps: Any, size: Size, fill_mode: str, fill_value: float) -> Any:
    """Whole-pixel moves along the axes: exact, in the dtype of `images`.

    Args:
        images: (n, h, w, c).
        maps: (n, 2, 3), each axis a sign and a whole offset.
        size: (height, width) of the result.
        fill_mode: One of `FILL_MODES`.
        fill_value: What stands outside under `"constant"`.
    """
    whole = tf.cast(tf.round(maps), tf.int32)
    height, width = image_size(images)
    y, y_inside = _border(_line(size[0], whole[:, 0, 0], whole[:, 0, 2]), height, fill_mode)
    x, x_inside = _border(_line(size[1], whole[:, 1, 1], whole[:, 1, 2]), width, fill_mode)
    result = _gather_pixels(images, y[:, :, None], x[:, None, :])
    if fill_mode == "constant":
        inside = (y_inside[:, :, None] & x_inside[:, None, :])[..., None]
        result = tf.where(inside, result, cast_like(tf.constant(fill_value), images.dtype))
    return result


def rows(
    images: Any, maps: Any, size: Size, shrink: float, fill_mode: str, fill_value: float
) -> Any:
    """Resamples the rows: (n, h, w, c) to float32 (n, size[0], w, c).

    Args:
        images: (n, h, w, c).
        maps: (n, 2, 3) without cross terms.
        size: (height, width) of the result of both passes.
        shrink: The largest factor by which any map shrinks this axis; it sets the number of taps.
        fill_mode: One of `FILL_MODES`.
        fill_value: What stands outside under `"constant"`.
    """
    return _filter(images, maps[:, 0, 0], maps[:, 0, 2], 1, size[0], shrink, fill_mode, fill_value)


def columns(
    images: Any, maps: Any, size: Size, shrink: float, fill_mode: str, fill_value: float
) -> Any:
    """Resamples the columns: (n, h, w, c) to float32 (n, h, size[1], c); see `rows`."""
    return _filter(images, maps[:, 1, 1], maps[:, 1, 2], 2, size[1], shrink, fill_mode, fill_value)


def scaled(images: Any, maps: Any, size: Size, fill_mode: str, fill_value: float) -> Any:
    """What `rows` and `columns` give, for images whose size is not known when it is compiled.

    Image by image, through TensorFlow's `ScaleAndTranslate`, which XLA cannot compile.

    Args:
        images: (n, h, w, c).
        maps: (n, 2, 3) without cross terms.
        size: (height, width) of the result.
        fill_mode: One of `FILL_MODES`.
        fill_value: What stands outside under `"constant"`.
    """
    scale = tf.stack([maps[:, 0, 0], maps[:, 1, 1]], axis=1)
    offset = maps[:, :, 2]

    def one(parts: Any) -> Any:
        image, scale, offset = parts
        offsets = []
        for axis, length in enumerate(size):
            image, begin = _reach(
                image, axis, scale[axis], offset[axis], length, fill_mode, fill_value
            )
            offsets.append(begin)
        step = tf.abs(scale)
        return tf.raw_ops.ScaleAndTranslate(
            images=image[None],
            size=tf.stack(size),
            scale=1.0 / step,
            translation=0.5 - (tf.stack(offsets) + 0.5) / step,
            kernel_type="triangle",
            antialias=True,
        )[0]

    if images.shape[0] == 1:
        result = one((images[0], scale[0], offset[0]))[None]
    else:
        result = tf.map_fn(one, (images, scale, offset), fn_output_signature=tf.float32)
    shape = [length if isinstance(length, int) else None for length in size]
    return tf.ensure_shape(result, [images.shape[0], *shape, images.shape[3]])


def warp(
    images: Any,
    maps: Any,
    size: Size,
    interpolation: str,
    supersample: bool,
    fill_mode: str,
    fill_value: float,
) -> Any:
    """Reads the images wherever the maps say: (n, h, w, c) to float32 (n, *size, c).

    Args:
        images: (n, h, w, c).
        maps: (n, 2, 3).
        size: (height, width) of the result.
        interpolation: `"bilinear"` or `"nearest"`.
        supersample: Whether maps that shrink take the mean of 2x2 places for each pixel.
        fill_mode: One of `FILL_MODES`.
        fill_value: What stands outside under `"constant"`.
    """
    shifted = [maps]
    if supersample:
        y, x = (_aside(maps[:, :, axis])[:, :, None] * [0, 0, 1] for axis in (0, 1))
        shifted = [maps - y - x, maps - y + x, maps + y - x, maps + y + x]
    reads: list[Any] = [
        _read(images, *places(each, size), interpolation, fill_mode, fill_value) for each in shifted
    ]
    return tf.add_n(reads) / len(reads) if len(reads) > 1 else reads[0]


def nearest(images: Any, maps: Any, size: Size, fill_mode: str) -> Any:
    """The pixels nearest to the maps' places, in the dtype of `images`; outside they are 0.

    Args:
        images: (n, h, w, c).
        maps: (n, 2, 3).
        size: (height, width) of the result.
        fill_mode: One of `FILL_MODES`.
    """
    height, width = image_size(images)
    nearest = (tf.cast(tf.floor(place + 0.5), tf.int32) for place in places(maps, size))
    (y, y_inside), (x, x_inside) = (
        _border(place, length, fill_mode)
        for place, length in zip(nearest, (height, width), strict=True)
    )
    result = _gather_pixels(images, y, x)
    if fill_mode == "constant":
        inside = (y_inside & x_inside)[..., None]
        result = tf.where(inside, result, tf.zeros([], images.dtype))
    return result


def image_size(images: Any) -> Size:
    """(height, width) of (n, h, w, c), static where known."""
    shape = tf.shape(images)
    height, width = (
        shape[axis] if images.shape[axis] is None else images.shape[axis] for axis in (1, 2)
    )
    return height, width


def cast_like(values: Any, dtype: Any) -> Any:
    """Float values in `dtype`: whole ones are rounded and clipped, never wrapped."""
    if values.dtype == dtype:
        return values
    if dtype.is_integer:
        values = tf.round(values)
        return tf.saturate_cast(values, dtype)
    return tf.cast(values, dtype)


def _aside(step: Any) -> Any:
    """How far from its place to read twice, for a step (n, 2) in the input from pixel to pixel.

    Two tents so far apart have the variance of one as wide as the step, s: 1/6 + d^2 = s^2/6.
    Where nothing shrinks it is no distance at all.
    """
    square = tf.reduce_sum(step**2, axis=1, keepdims=True)
    return step * tf.sqrt(tf.maximum(0.0, 1.0 - 1.0 / square) / 6.0)


def places(maps: Any, size: Size) -> tuple[Any, Any]:
    """Where the maps send the pixels of a result of `size`: y and x, (n, h, w) both."""
    y, x = (tf.cast(tf.range(length), tf.float32) for length in size)
    m = maps[:, :, :, None, None]
    row, column = (m[:, i, 0] * y[:, None] + m[:, i, 1] * x + m[:, i, 2] for i in (0, 1))
    return row, column


def _read(
    images: Any, y: Any, x: Any, interpolation: str, fill_mode: str, fill_value: float
) -> Any:
    if interpolation == "nearest":
        taps = [[(tf.floor(place + 0.5), tf.ones_like(place))] for place in (y, x)]
    else:
        taps = [_two_taps(place) for place in (y, x)]
    height, width = image_size(images)
    y_taps = [_weighted(tap, weight, height, fill_mode) for tap, weight in taps[0]]
    x_taps = [_weighted(tap, weight, width, fill_mode) for tap, weight in taps[1]]
    total: Any = 0.0
    inside: Any = 0.0
    for y_index, y_weight in y_taps:
        for x_index, x_weight in x_taps:
            weight = y_weight * x_weight
            pixels = tf.cast(_gather_pixels(images, y_index, x_index), tf.float32)
            total += pixels * weight[..., None]
            inside += weight
    if fill_mode == "constant" and fill_value != 0:
        total += ((1.0 - inside) * fill_value)[..., None]
    return total


def _two_taps(place: Any) -> list[tuple[Any, Any]]:
    floor = tf.floor(place)
    fraction = place - floor
    return [(floor, 1.0 - fraction), (floor + 1.0, fraction)]


def _weighted(tap: Any, weight: Any, length: Any, fill_mode: str) -> tuple[Any, Any]:
    index, inside = _border(tf.cast(tap, tf.int32), length, fill_mode)
    if fill_mode == "constant":
        # cheaper than choosing between pixel and fill for every tap
        weight *= tf.cast(inside, tf.float32)
    return index, weight


def _filter(
    images: Any,
    scale: Any,
    offset: Any,
    axis: int,
    length: Any,
    shrink: float,
    fill_mode: str,
    fill_value: float,
) -> Any:
    """A triangle of half-width max(1, |scale|) round each place, normalised to sum to one.

    Of an image whose window lies inside the border, it stops there, as Pillow's and TensorFlow's.
    """
    place = _line(length, scale, offset)
    half = math.ceil(max(1.0, shrink))
    width = tf.maximum(1.0, tf.abs(scale))[:, None]
    first = tf.floor(place) - (half - 1)
    taps = [first + k for k in range(2 * half)]
    weights = [tf.maximum(0.0, 1.0 - tf.abs(tap - place) / width) for tap in taps]
    input_length = image_size(images)[axis - 1]
    stops = _stays_inside(scale, offset, length, input_length)[:, None]
    last = tf.cast(input_length - 1, tf.float32)
    weights = [
        tf.where(stops & ((tap < 0) | (tap > last)), 0.0, weight)
        for tap, weight in zip(taps, weights, strict=True)
    ]
    norm = tf.add_n(weights)
    shape = [-1, length, 1, 1] if axis == 1 else [-1, 1, length, 1]
    total, inside = 0.0, 0.0
    for tap, weight in zip(taps, weights, strict=True):
        index, share = _weighted(tap, weight / norm, input_length, fill_mode)
        pixels = tf.gather(images, index, axis=axis, batch_dims=1)
        total += tf.cast(pixels, tf.float32) * tf.reshape(share, shape)
        inside += share
    if fill_mode == "constant" and fill_value != 0:
        total += tf.reshape((1.0 - inside) * fill_value, shape)
    return total


def _reach(
    image: Any, axis: int, scale: Any, offset: Any, length: Any, fill_mode: str, fill_value: float
) -> tuple[Any, Any]:
    """The lines of an image that a triangle filter reads, in its order, and its first place."""
    input_length = tf.shape(image)[axis]
    final = offset + scale * tf.cast(length - 1, tf.float32)
    width = tf.maximum(1.0, tf.abs(scale))
    first, last = (
        tf.cast(place, tf.int32)
        for place in (
            tf.floor(tf.minimum(offset, final) - width),
            tf.math.ceil(tf.maximum(offset, final) + width),
        )
    )
    stops = _stays_inside(scale, offset, length, input_length)
    first = tf.where(stops, tf.maximum(first, 0), first)
    last = tf.where(stops, tf.minimum(last, input_length - 1), last)
    lines = tf.where(scale < 0, last - tf.range(last - first + 1), tf.range(first, last + 1))
    start = tf.where(
        scale < 0, tf.cast(last, tf.float32) - offset, offset - tf.cast(first, tf.float32)
    )
    index, inside = _border(lines, input_length, fill_mode)
    image = tf.gather(image, index, axis=axis)
    if fill_mode == "constant":
        shape = [-1 if each == axis else 1 for each in range(3)]
        image = tf.where(tf.reshape(inside, shape), tf.cast(image, tf.float32), fill_value)
    return image, start


def _stays_inside(scale: Any, offset: Any, length: Any, input_length: Any) -> Any:
    """Whether the window that a result of `length` shows lies within the image, edge to edge."""
    edges = offset - scale / 2, offset + scale * (tf.cast(length, tf.float32) - 0.5)
    # a hundredth of a pixel is for rounding
    first, last = -0.51, tf.cast(input_length, tf.float32) - 0.49
    return (tf.minimum(*edges) >= first) & (tf.maximum(*edges) <= last)


def _line(length: Any, scale: Any, offset: Any) -> Any:
    """(n, length): scale * i + offset."""
    return scale[:, None] * tf.cast(tf.range(length), scale.dtype)[None, :] + offset[:, None]


def _border(index: Any, length: Any, fill_mode: str) -> tuple[Any, Any]:
    """Indices brought inside [0, length), and whether they were inside already."""
    inside = (index >= 0) & (index < length)
    if fill_mode == "wrap":
        index = tf.math.floormod(index, length)
    elif fill_mode == "reflect":
        # (d c b a | a b c d | d c b a): a period of two lengths, its second half mirrored
        index = tf.math.floormod(index, 2 * length)
        index = tf.minimum(index, 2 * length - 1 - index)
    else:
        index = tf.clip_by_value(index, 0, length - 1)
    return index, inside


def _gather_pixels(images: Any, y: Any, x: Any) -> Any:
    """Pixels (n, ..., c) at the whole places y and x, both (n, ...) and broadcast together."""
    height, width = image_size(images)
    count = tf.shape(images)[0] if images.shape[0] is None else images.shape[0]
    first = (tf.range(count) * (height * width))[:, None, None]
    flat = tf.reshape(images, [count * height * width, images.shape[3]])
    return tf.gather(flat, first + y * width + x)
