"""The room that a window has to move in."""

from __future__ import annotations

from typing import Any

from keras_trainkit._core.arguments import refuse
from keras_trainkit._core.lazy import tf
from keras_trainkit.layers.augmentation.algebra.coordinates import Size


def room(owner: Any, size: Size, padding: int = 0) -> list[Any]:
    """How much longer than the owner's `height` and `width` the padded image's are.

    Raises:
        ValueError: where the window does not fit; where the size is a tensor, TensorFlow's error.
    """
    rooms = []
    pairs = (("height", owner.height, size[0]), ("width", owner.width, size[1]))
    for name, window, length in pairs:
        extent = length + 2 * padding
        rule = f"be at most the image's {name}" + (" plus twice the padding" if padding else "")
        if isinstance(extent, int):
            if window > extent:
                refuse(owner, name, f"{rule}, {extent}", window, "Enlarge the images first.")
        else:
            message = f"`{type(owner).__name__}`: `{name}` must {rule}, got {window}."
            check = tf.debugging.assert_less_equal(window, extent, message)
            with tf.control_dependencies([check] if check is not None else []):
                extent = tf.identity(extent)
        rooms.append(extent - window)
    return rooms
