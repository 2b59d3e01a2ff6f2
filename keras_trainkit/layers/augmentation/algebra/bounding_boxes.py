"""Bounding boxes: (n, k, 4) float32 of top, left, bottom, right.

In pixels from the corner of the image, so that whole numbers are borders between pixels.
"""

from __future__ import annotations

import itertools
from typing import Any

from keras_trainkit._core.lazy import tf
from keras_trainkit.layers.augmentation.algebra.coordinates import Size

FORMATS = (
    "xyxy",
    "yxyx",
    "xywh",
    "center_xywh",
    "center_yxhw",
    "rel_xyxy",
    "rel_yxyx",
    "rel_xywh",
    "rel_center_xywh",
)
"""Keras' names for four numbers; `rel_` is in shares of the width and the height."""

# bent edges, as those of a lens, are followed at every quarter
_QUARTERS = (0.0, 0.25, 0.5, 0.75, 1.0)
_OUTLINE = [
    place
    for place in itertools.product(_QUARTERS, _QUARTERS)
    if any(share in (0.0, 1.0) for share in place)
]


def read(numbers: Any, box_format: str, size: Size) -> Any:
    """The boxes that are written in `box_format`, in images of `size`."""
    first, second = _turned(numbers[..., :2], numbers[..., 2:], box_format)
    if box_format.startswith("rel_"):
        first, second = first * _floats(size), second * _floats(size)
    if "w" in box_format:
        first = first - second / 2 if "center" in box_format else first
        second = first + second
    return tf.concat([first, second], -1)


def write(boxes: Any, box_format: str, size: Size) -> Any:
    """The numbers of `box_format` for these boxes; undoes `read`."""
    first, second = boxes[..., :2], boxes[..., 2:]
    if "w" in box_format:
        second = second - first
        first = first + second / 2 if "center" in box_format else first
    if box_format.startswith("rel_"):
        first, second = first / _floats(size), second / _floats(size)
    return tf.concat(_turned(first, second, box_format), -1)


def outline(boxes: Any) -> Any:
    """(n, 16 k, 2): the corners of k boxes and points between, from the top-left pixel's centre."""
    first, second = boxes[..., None, :2], boxes[..., None, 2:]
    share = tf.constant(_OUTLINE)
    # not first + share * (second - first), which misses the corners by a rounding
    points = (1.0 - share) * first + share * second - 0.5
    return tf.reshape(points, [tf.shape(boxes)[0], -1, 2])


def round_outlines(points: Any) -> Any:
    """The boxes that enclose moved outlines."""
    count = len(_OUTLINE)
    points = tf.reshape(points, [tf.shape(points)[0], tf.shape(points)[1] // count, count, 2])
    return tf.concat([tf.reduce_min(points, 2), tf.reduce_max(points, 2)], -1) + 0.5


def within(boxes: Any, window: Any) -> Any:
    """What lies inside a window, (..., 4) as boxes are; nothing is left of area 0."""
    low, high = window[..., :2], window[..., 2:]
    edges = (_between(edge, low, high) for edge in (boxes[..., :2], boxes[..., 2:]))
    return tf.concat(list(edges), -1)


def beside(boxes: Any, window: Any) -> Any:
    """The boxes round what a window leaves of them; nothing is left of area 0."""
    first, second = boxes[..., :2], boxes[..., 2:]
    low, high = window[..., :2], window[..., 2:]
    # an edge gives way where the window covers it from end to end
    across = tf.reverse((low <= first) & (high >= second), [-1])
    start = tf.where(across & (low <= first), _between(high, first, second), first)
    stop = tf.where(across & (high >= second), _between(low, first, second), second)
    return tf.concat([start, tf.maximum(start, stop)], -1)


def whole(size: Size) -> Any:
    """(4,): the box round an image of this size."""
    return tf.concat([tf.zeros([2]), _floats(size)], 0)


def has_area(boxes: Any) -> Any:
    """(n, k) bool, False where a box has none."""
    return tf.reduce_all(boxes[..., 2:] > boxes[..., :2], -1)


def _between(values: Any, low: Any, high: Any) -> Any:
    # `clip_by_value` does not stretch its first argument
    return tf.minimum(tf.maximum(values, low), high)


def _floats(size: Size) -> Any:
    return tf.cast(tf.stack(size), tf.float32)


def _turned(first: Any, second: Any, box_format: str) -> list[Any]:
    """Both pairs, from or to (y, x), which is how formats begin that name y first."""
    if box_format.removeprefix("rel_").removeprefix("center_").startswith("y"):
        return [first, second]
    return [tf.reverse(pair, [-1]) for pair in (first, second)]
