"""Resampling: images read at the places that coordinate maps name.

Three readers, from exact to general.  `lattice` moves whole pixels with one gather and keeps the
dtype (`window` likewise, by rows, inside the image); `resize` resamples along the axes with an
anti-aliasing triangle filter; `warp` is bilinear (or nearest) at any place, and `nearest` reads
class ids there.  Each reads the input's own dtype, so uint8 is never cast before it is gathered,
and each is written to be one XLA kernel: what reads the result belongs in another, or XLA gathers
again for every reader.  `scaled` is `resize` for sizes that no compiler knows.
"""

from __future__ import annotations

import math
from typing import Any

from keras_trainkit._core.lazy import tf
from keras_trainkit.layers.augmentation.algebra.chains import Chain
from keras_trainkit.layers.augmentation.algebra.coordinates import Size

FILL_MODES = ("constant", "nearest", "reflect", "wrap")
_FEW = 3
"""So many taps are summed in one pass; a pass for each, beyond, keeps compilation short."""

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


def window(images: Any, maps: Any, size: Size, whole: bool) -> Any:
    """`lattice` of maps that stay inside the image: rows are copied, not gathered by the pixel.

    Args:
        images: (n, h, w, c).
        maps: (n, 2, 3), each axis a sign and a whole offset.
        size: (height, width) of the result.
        whole: Whether every window is the whole image, so that only mirror images are left to do.
    """
    moves = tf.cast(tf.round(maps), tf.int32)
    turned = [moves[:, axis, axis] < 0 for axis in (0, 1)]
    if not whole:
        # a mirror image starts at its far end
        starts = [
            tf.where(turn, offset - (length - 1), offset)
            for turn, offset, length in zip(
                turned, (moves[:, 0, 2], moves[:, 1, 2]), size, strict=True
            )
        ]
        shape = tf.stack([*size, images.shape[3]])
        cut = tf.map_fn(
            lambda each: tf.slice(each[0], tf.stack([each[1], each[2], 0]), shape),
            (images, *starts),
            fn_output_signature=images.dtype,
        )
        # of no images at all the loop does not know the size
        images = tf.reshape(cut, [tf.shape(images)[0], *size, images.shape[3]])
    for axis, turn in zip((1, 2), turned, strict=True):
        images = tf.where(turn[:, None, None, None], tf.reverse(images, [axis]), images)
    return images


def resize(
    images: Any,
    maps: Any,
    size: Size,
    shrink: tuple[float, float],
    fill_mode: str,
    fill_value: float,
) -> Any:
    """Resamples the rows, then the columns: (n, h, w, c) to float32 (n, *size, c).

    By a triangle of half-width max(1, scale) round each place, normalised to sum to one.  Where
    an image's window lies inside the border it stops there, as Pillow's and TensorFlow's.

    Args:
        images: (n, h, w, c).
        maps: (n, 2, 3) without cross terms.
        size: (height, width) of the result.
        shrink: The largest factors by which any map shrinks (height, width); they set the number
            of taps.
        fill_mode: One of `FILL_MODES`.
        fill_value: What stands outside under `"constant"`.
    """
    taps = [
        _taps(maps[:, axis, axis], maps[:, axis, 2], size[axis], length, shrink[axis], fill_mode)
        for axis, length in enumerate(image_size(images))
    ]

    def one(parts: Any) -> Any:
        image, *passes = parts
        for axis, (needed, index, weight) in enumerate(passes):
            image = _sum(image, axis, needed, index, weight)
            if fill_mode == "constant" and fill_value != 0:
                missing = 1.0 - tf.reduce_sum(weight, axis=0)
                image += _along(axis, missing * fill_value)
        return image

    return _each(one, (images, *taps), size)


def scaled(images: Any, maps: Any, size: Size, fill_mode: str, fill_value: float) -> Any:
    """What `resize` gives, for images whose size is not known when it is compiled.

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

    return _each(one, (images, scale, offset), size)


def warp(
    images: Any,
    chain: Chain,
    size: Size,
    interpolation: str,
    supersample: bool,
    fill_mode: str,
    fill_value: float,
) -> Any:
    """Reads the images wherever the chain says: (n, h, w, c) to float32 (n, *size, c).

    Args:
        images: (n, h, w, c).
        chain: Where the result's places are read.
        size: (height, width) of the result.
        interpolation: `"bilinear"` or `"nearest"`.
        supersample: Whether maps that shrink take the mean of 2x2 places for each pixel.
        fill_mode: One of `FILL_MODES`.
        fill_value: What stands outside under `"constant"`.
    """
    y, x = grid(size)
    places = [(y, x)]
    if supersample:
        down, right = (_aside(square) for square in chain.steps(y, x))
        places = [(y + i * down, x + j * right) for i in (-1, 1) for j in (-1, 1)]
    reads = [_read(images, *chain.follow(*p), interpolation, fill_mode, fill_value) for p in places]
    return tf.add_n(reads) / len(reads) if len(reads) > 1 else reads[0]


def nearest(images: Any, chain: Chain, size: Size, fill_mode: str) -> Any:
    """The pixels nearest to the chain's places, in the dtype of `images`; outside they are 0.

    Args:
        images: (n, h, w, c).
        chain: Where the result's places are read.
        size: (height, width) of the result.
        fill_mode: One of `FILL_MODES`.
    """
    height, width = image_size(images)
    places = (tf.cast(tf.floor(place + 0.5), tf.int32) for place in chain.follow(*grid(size)))
    (y, y_inside), (x, x_inside) = (
        _border(place, length, fill_mode)
        for place, length in zip(places, (height, width), strict=True)
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
    """Float values in `dtype`, if one is given: whole ones are rounded and clipped, not wrapped."""
    if dtype is None or values.dtype == dtype:
        return values
    if dtype.is_integer:
        values = tf.round(values)
        return tf.saturate_cast(values, dtype)
    return tf.cast(values, dtype)


def _aside(square: Any) -> Any:
    """How far from its place, in pixels of the result, to read twice; `square` is the step's, s^2.

    Two tents so far apart have the variance of one as wide as the step from pixel to pixel:
    1/6 + (d s)^2 = s^2/6.  Where nothing shrinks it is no distance at all.
    """
    return tf.sqrt(tf.maximum(0.0, 1.0 - 1.0 / square) / 6.0)


def grid(size: Size) -> tuple[Any, Any]:
    """The places of all pixels, (1, h, 1) and (1, 1, w)."""
    y, x = (tf.cast(tf.range(length), tf.float32) for length in size)
    return y[None, :, None], x[None, None, :]


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


def _each(function: Any, elements: Any, size: Size) -> Any:
    """The function of every image, float32 (n, *size, c), one after the other."""
    images = elements[0]
    if images.shape[0] == 1:
        return function(tf.nest.map_structure(lambda each: each[0], elements))[None]
    result = tf.map_fn(function, elements, fn_output_signature=tf.float32)
    # of no images `map_fn` does not know the shape
    return tf.reshape(result, [tf.shape(images)[0], *size, images.shape[3]])


def _taps(
    scale: Any, offset: Any, length: Any, input_length: Any, shrink: float, fill_mode: str
) -> tuple[Any, Any, Any]:
    """How many taps each image needs (n,), and the taps: index and weight (n, taps, length)."""
    most = math.ceil(2 * max(1.0, shrink))
    place = _line(length, scale, offset)[:, None]
    width = tf.maximum(1.0, tf.abs(scale))
    half = width[:, None, None]
    tap = tf.floor(place - half) + 1.0 + tf.range(most, dtype=tf.float32)[:, None]
    weight = tf.maximum(0.0, 1.0 - tf.abs(tap - place) / half)
    index, inside = _border(tf.cast(tap, tf.int32), input_length, fill_mode)
    stops = _stays_inside(scale, offset, length, input_length)[:, None, None]
    weight = tf.where(stops & ~inside, 0.0, weight)
    weight /= tf.reduce_sum(weight, axis=1, keepdims=True)
    if fill_mode == "constant":
        weight = tf.where(inside, weight, 0.0)
    whole = (tf.abs(scale) == 1) & (tf.floor(offset) == offset)
    needed = tf.where(whole, 1, tf.cast(tf.math.ceil(2.0 * width), tf.int32))
    return tf.minimum(needed, most), index, weight


def _sum(image: Any, axis: int, needed: Any, index: Any, weight: Any) -> Any:
    """The weighted sum of the `needed` first taps (k, length) along an axis of an image."""

    def tap(k: Any) -> Any:
        lines = tf.cast(tf.gather(image, index[k], axis=axis), tf.float32)
        return lines * _along(axis, weight[k])

    def many() -> Any:
        return tf.while_loop(
            lambda k, _: k < needed, lambda k, total: (k + 1, total + tap(k)), (1, tap(0))
        )[1]

    most = index.shape[0]
    few = [lambda n=n: sum(map(tap, range(n))) for n in range(1, min(most, _FEW) + 1)]
    # a conditional also keeps XLA from reading again for every reader of the result
    return tf.switch_case(needed - 1, few if most <= _FEW else [*few, many])


def _along(axis: int, values: Any) -> Any:
    """(length,) values, one for each line of an image across this axis."""
    return tf.reshape(values, [-1, 1, 1] if axis == 0 else [1, -1, 1])


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
        image = tf.where(_along(axis, inside), tf.cast(image, tf.float32), fill_value)
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
