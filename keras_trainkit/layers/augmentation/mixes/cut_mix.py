"""CutMix."""

from __future__ import annotations

from typing import Any

from keras_trainkit._core import arguments
from keras_trainkit._core.lazy import tf
from keras_trainkit._core.registration import register
from keras_trainkit.layers.augmentation.algebra import (
    bounding_boxes,
    boxes,
    coordinates,
    resampling,
)
from keras_trainkit.layers.augmentation.kinds import Mix


@register
class CutMix(Mix):
    """Pastes a rectangle of another image of the batch, of area 1 - l, l ~ Beta(alpha, alpha).

    The rectangle has the image's aspect ratio and a centre uniform over the image, so it may be
    cut off at the border; the label's own share is the exact share of pixels kept, where
    `keras.layers.CutMix` keeps l.  Images keep their dtype; integer labels become one-hot rows,
    at evaluation too.  Segmentation masks are pasted like the images.  Bounding boxes shrink to
    what shows of them and are followed by the partner's, as far as those show.

    Args:
        alpha: Above 0. Default 1, which makes l uniform.
        num_classes: The number of classes; needed where labels are integers.
        p: As in `Operation`.
        **kwargs: As in `Augmentation`.

    Raises:
        ValueError: for an alpha that is not above 0; at the first call, for integer labels
            without `num_classes`, or a single image.

    Example:

    >>> import numpy as np
    >>> from keras_trainkit import layers
    >>> images, labels = np.zeros((4, 8, 8, 3), "uint8"), np.eye(4, dtype="float32")
    >>> mixed, soft = layers.CutMix()(images, labels)
    >>> mixed.dtype, soft.shape
    (tf.uint8, TensorShape([4, 4]))

    Source: Yun et al. 2019, "CutMix: Regularization strategy to train strong classifiers with
    localizable features", section 3.1.
    """

    pastes = True

    def __init__(self, alpha: float = 1.0, num_classes: int | None = None, **kwargs: Any) -> None:
        super().__init__(num_classes=num_classes, **kwargs)
        self.alpha = arguments.number(self, "alpha", alpha, above=0)

    def sample(self, draw: Any) -> dict[str, Any]:
        """The partners, the shares asked for, and the rectangles' centres."""
        return {
            "partner": draw.permutation("partner"),
            "share": draw.beta("share", self.alpha),
            "y": draw.uniform("y"),
            "x": draw.uniform("x"),
        }

    def apply(self, images: Any, partner: Any, share: Any, y: Any, x: Any) -> tuple[Any, Any]:
        """The paste, and the share of pixels kept."""
        size = resampling.image_size(images)
        box = self.rectangle(size, share, y, x)
        mixed = tf.where(boxes.inside(box, size), tf.gather(images, partner), images)
        height, width = _floats(size)
        kept = 1.0 - tf.cast(boxes.area(box), tf.float32) / (height * width)
        # an image that is its own partner keeps all of itself
        return mixed, tf.where(partner == tf.range(tf.shape(images)[0]), 1.0, kept)

    def seen(self, own: Any, other: Any, size: coordinates.Size, **parameters: Any) -> Any:
        """The boxes round what the rectangle leaves of the own, and round what it shows."""
        window = tf.cast(self.rectangle(size, **parameters), tf.float32)[:, None]
        return bounding_boxes.beside(own, window), bounding_boxes.within(other, window)

    def rectangle(self, size: coordinates.Size, share: Any, y: Any, x: Any) -> Any:
        """(n, 4) int32: where the partner is pasted."""
        side = tf.sqrt(1.0 - share)
        height, width = (tf.cast(tf.round(side * length), tf.int32) for length in _floats(size))
        centre = coordinates.pixel(y, size[0]), coordinates.pixel(x, size[1])
        return boxes.centred_at(*centre, height, width, size)


def _floats(size: coordinates.Size) -> list[Any]:
    return [tf.cast(length, tf.float32) for length in size]
