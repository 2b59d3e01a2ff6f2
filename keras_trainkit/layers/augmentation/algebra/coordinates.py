"""Coordinate maps: where each output pixel comes from.

A map is an (n, 2, 3) float32 tensor that takes (y, x, 1), the place of an output pixel, to the
place (y, x) in the input, both in pixels from the centre of the top-left pixel.  Flips and
whole-pixel crops have whole entries, which float32 composes exactly.  A projective map is
(n, 3, 3), and gives (y, x, 1) times a number that is positive before the horizon.
"""

from __future__ import annotations

import math
from typing import Any

from keras_trainkit._core.lazy import tf

_HORIZON = 1e-3

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


def follow(maps: Any, y: Any, x: Any) -> tuple[Any, Any]:
    """Where the maps take places (n, ...); y and x broadcast together."""
    shape = [-1] + [1] * (y.shape.rank - 1)
    rows = [
        [tf.reshape(entry, shape) for entry in tf.unstack(row, axis=1)]
        for row in tf.unstack(maps, axis=1)
    ]
    y, x, *depth = (yy * y + yx * x + y0 for yy, yx, y0 in rows)
    if depth:
        # what lies on the horizon and behind it is far away
        nearest = tf.maximum(depth[0], _HORIZON)
        y, x = y / nearest, x / nearest
    return y, x


def inverse(maps: Any) -> Any:
    """The maps from the input's places to the output's."""
    a, b, c = tf.unstack(projective(maps), axis=1)
    columns = [tf.linalg.cross(b, c), tf.linalg.cross(c, a), tf.linalg.cross(a, b)]
    determinant = tf.reduce_sum(a * columns[0], axis=1)
    inverted = tf.stack(columns, axis=2) / determinant[:, None, None]
    return inverted[:, :2] if is_affine(maps) else inverted


def compose(first: Any, second: Any) -> Any:
    """The map of doing `first`, then `second`: an output pixel is followed back through both."""
    if not (is_affine(first) and is_affine(second)):
        first, second = projective(first), projective(second)
    a, b = tf.unstack(first, axis=1), tf.unstack(second, axis=1)

    def row(r: Any) -> Any:
        # written out: a matrix product may run in reduced precision on an accelerator
        linear = r[:, :1] * b[0] + r[:, 1:2] * b[1]
        if len(b) == 3:
            return linear + r[:, 2:] * b[2]
        return tf.concat([linear[:, :2], linear[:, 2:] + r[:, 2:]], axis=1)

    return tf.stack([row(each) for each in a], axis=1)


def is_affine(maps: Any) -> bool:
    """Whether the maps are (n, 2, 3)."""
    return maps.shape[1] == 2


def projective(maps: Any) -> Any:
    """The maps as (n, 3, 3)."""
    if not is_affine(maps):
        return maps
    last = tf.broadcast_to(tf.constant([[[0.0, 0.0, 1.0]]]), [tf.shape(maps)[0], 1, 3])
    return tf.concat([maps, last], axis=1)


def perspective(size: Size, corners: Any) -> Any:
    """The (n, 3, 3) map that puts the image's corners where `corners` (n, 2, 2, 2) says.

    `corners[:, i, j]` is the place (y, x) of the top (i = 0) or bottom, left (j = 0) or right
    corner, in shares of the height and the width: the image itself is the unit square.
    """
    (p00, p01), (p10, p11) = (tf.unstack(row, axis=1) for row in tf.unstack(corners, axis=1))
    beyond = p00 - p10 + p11 - p01
    down, right = p10 - p11, p01 - p11
    whole = _cross(down, right)
    g, h = (_cross(beyond, right) / whole)[:, None], (_cross(down, beyond) / whole)[:, None]
    last = tf.concat([g, h, tf.ones_like(g)], axis=1)[:, None]
    forward = tf.stack([p10 - p00 + g * p10, p01 - p00 + h * p01, p00], axis=2)
    backward = inverse(tf.concat([forward, last], axis=1))
    rows = tf.shape(corners)[0]
    zero = tf.zeros([rows])
    height, width = (tf.fill([rows], tf.cast(length, tf.float32)) for length in size)
    # from the unit square to pixels, whose centres are half a pixel inside
    pixels = build(height, zero, zero - 0.5, zero, width, zero - 0.5)
    return compose(compose(pixels, backward), inverse(pixels))


def convex_share(shifts: Any, least: float) -> Any:
    """How much of the (n, 2, 2, 2) shifts of the unit square's corners to take, (n,) up to 1.

    As much as leaves every corner convex, its two sides spanning an area of at least `least`.
    """
    corners = tf.constant([[[0, 0], [0, 1]], [[1, 0], [1, 1]]], tf.float32)[None]
    # of every corner at once: its sides, and how they change
    (e0, d0), (e1, d1) = (
        [tf.reverse(places, [axis]) - places for places in (corners, shifts)] for axis in (1, 2)
    )
    sign = _cross(e0, e1)
    # the area is 1 + b t + a t^2 at the share t
    b, a = sign * (_cross(e0, d1) + _cross(d0, e1)), sign * _cross(d0, d1)
    root = b**2 - 4.0 * a * (1.0 - least)
    rate = tf.where(root > 0, tf.sqrt(tf.maximum(root, 0.0)) - b, 0.0)
    share = tf.where(rate > 0, 2.0 * (1.0 - least) / rate, 1.0)
    return tf.minimum(tf.reduce_min(share, axis=(1, 2)), 1.0)


def _cross(a: Any, b: Any) -> Any:
    """(...,): the area that (..., 2) a and b span."""
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
