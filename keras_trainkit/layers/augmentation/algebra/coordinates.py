"""Coordinate maps: where each output pixel comes from.

A map is an (n, 2, 3) float32 tensor that takes (y, x, 1), the place of an output pixel, to the
place (y, x) in the input, both in pixels from the centre of the top-left pixel.  Flips and
whole-pixel crops have whole entries, which float32 composes exactly.
"""

from __future__ import annotations

import math
from typing import Any

from keras_trainkit._core.lazy import tf

Size = tuple[Any, Any]
"""(height, width) as Python integers where they are known, as int32 scalars where not."""


def build(yy: Any, yx: Any, y: Any, xy: Any, xx: Any, x: Any) -> Any:
    """The map y' = yy y + yx x + y0, x' = xy y + xx x + x0 from its (n,) entries."""
    return tf.stack([tf.stack([yy, yx, y], -1), tf.stack([xy, xx, x], -1)], axis=1)


def identity(rows: Any) -> Any:
    """The map that moves nothing, `rows` times."""
    one, zero = tf.ones([rows]), tf.zeros([rows])
    return build(one, zero, zero, zero, one, zero)


def about_centre(size: Size, yy: Any, yx: Any, xy: Any, xx: Any) -> Any:
    """The linear map with these (n,) entries and the centre of the image as its fixed point."""
    y, x = centre(size)
    return build(yy, yx, y - yy * y - yx * x, xy, xx, x - xy * y - xx * x)


def shift(y: Any, x: Any) -> Any:
    """The map that moves the picture by (n,) `y` pixels down and `x` pixels to the right."""
    one, zero = tf.ones_like(y), tf.zeros_like(y)
    return build(one, zero, -y, zero, one, -x)


def rotation(size: Size, turns: Any) -> Any:
    """Counter-clockwise about the centre by (n,) `turns` of 2 pi; y points down."""
    cos, sin = (f(turns * (2 * math.pi)) for f in (tf.cos, tf.sin))
    return about_centre(size, cos, sin, -sin, cos)


def shear(size: Size, y: Any, x: Any) -> Any:
    """Rows slid by (n,) `x` pixels for each pixel down, columns by `y` for each to the right."""
    one = tf.ones_like(x)
    return about_centre(size, one, y, x, one)


def zoom(size: Size, height: Any, width: Any) -> Any:
    """(n,) `height` and `width` times as much of the image shown, about the centre."""
    zero = tf.zeros_like(height)
    return about_centre(size, height, zero, zero, width)


def translation(size: Size, height: Any, width: Any) -> Any:
    """Down by (n,) `height` of the height, to the right by `width` of the width."""
    rows, columns = (tf.cast(length, tf.float32) for length in size)
    return shift(height * rows, width * columns)


def mirror(size: Size, vertical: Any, horizontal: Any) -> Any:
    """The map that turns the picture over where the (n,) booleans say so."""
    sy = 1.0 - 2.0 * tf.cast(vertical, tf.float32)
    sx = 1.0 - 2.0 * tf.cast(horizontal, tf.float32)
    zero = tf.zeros_like(sy)
    last_y, last_x = (tf.cast(length - 1, tf.float32) for length in size)
    y0 = tf.where(vertical, last_y, zero)
    x0 = tf.where(horizontal, last_x, zero)
    return build(sy, zero, y0, zero, sx, x0)


def window(size: Size, top: Any, left: Any, height: Any, width: Any) -> Any:
    """The map that fills a result of `size` with a window of the image, all (n,) in pixels.

    The window's edges are those of pixels: an image's own window is (0, 0, height, width).
    """
    yy, xx = (
        extent / tf.cast(length, tf.float32)
        for extent, length in zip((height, width), size, strict=True)
    )
    zero = tf.zeros_like(yy)
    # the place of a pixel's centre is half a pixel inside
    return build(yy, zero, (yy - 1) / 2 + top, zero, xx, (xx - 1) / 2 + left)


def central_window(size: Size, image: Size, rows: Any, around: bool = False) -> Any:
    """A central window with the proportions of the result: the largest in the image.

    With `around`, the smallest round the image.
    """
    lengths = [tf.cast(length, tf.float32) for length in image]
    wanted = [tf.cast(length, tf.float32) for length in size]
    choose = tf.maximum if around else tf.minimum
    scale = choose(lengths[0] / wanted[0], lengths[1] / wanted[1])
    extents = [scale * length for length in wanted]
    edges = [(a - b) / 2 for a, b in zip(lengths, extents, strict=True)]
    return window(size, *(tf.fill([rows], each) for each in (*edges, *extents)))


def pixel(share: Any, length: Any) -> Any:
    """(n,) int32: of `length` pixels the one at the (n,) `share`, each equally likely."""
    scaled = tf.cast(share * tf.cast(length, tf.float32), tf.int32)
    # rounding can carry the product up to the length itself
    return tf.minimum(scaled, tf.cast(length, tf.int32) - 1)


def centre(size: Size) -> Size:
    """The middle of an image, in pixels from the centre of the top-left one."""
    y, x = (tf.cast(length - 1, tf.float32) / 2 for length in size)
    return y, x


def follow(maps: Any, places: Any) -> Any:
    """Where the maps take (n, k, 2) places (y, x)."""
    m = maps[:, None]
    y, x = places[..., 0], places[..., 1]
    return tf.stack([m[..., i, 0] * y + m[..., i, 1] * x + m[..., i, 2] for i in (0, 1)], -1)


def inverse(maps: Any) -> Any:
    """The maps from the input's places to the output's."""
    (yy, yx, y), (xy, xx, x) = (tf.unstack(row, axis=1) for row in tf.unstack(maps, axis=1))
    determinant = yy * xx - yx * xy
    yy, yx, xy, xx = (each / determinant for each in (xx, -yx, -xy, yy))
    return build(yy, yx, -(yy * y + yx * x), xy, xx, -(xy * y + xx * x))


def compose(first: Any, second: Any) -> Any:
    """The map of doing `first`, then `second`: an output pixel is followed back through both."""
    a, b = tf.unstack(first, axis=1), tf.unstack(second, axis=1)

    def row(r: Any) -> Any:
        # written out: a matrix product may run in reduced precision on an accelerator
        linear = r[:, :1] * b[0] + r[:, 1:2] * b[1]
        return tf.concat([linear[:, :2], linear[:, 2:] + r[:, 2:]], axis=1)

    return tf.stack([row(a[0]), row(a[1])], axis=1)
