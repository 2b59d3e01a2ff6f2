"""Random erasing."""

from __future__ import annotations

import math
from typing import Any

from keras_trainkit._core import arguments
from keras_trainkit._core.arguments import refuse
from keras_trainkit._core.lazy import tf
from keras_trainkit._core.registration import register
from keras_trainkit.layers.augmentation import factors
from keras_trainkit.layers.augmentation.algebra import boxes, coordinates, curves, noise
from keras_trainkit.layers.augmentation.kinds import Mask
from keras_trainkit.layers.augmentation.runs.settings import Settings


@register
class RandomErasing(Mask):
    """Covers a rectangle inside the image, of random area and aspect ratio, with noise.

    Every place inside is equally likely. Where the drawn ratio would stick out, the rectangle is
    as long as the image and keeps its area; the paper draws again. `keras.layers.RandomErasing`
    draws the sides, not the area, and its noise is normal, of which half is clipped to black.

    Args:
        factor: The probability with which a rectangle is covered, times `p`. Default 1: in all
            images. Of a pair, from which Keras draws that probability, it is the mean. Keras
            takes one number f for the pair (0, f), and so covers half as many.
        scale: The area as a share of the image's: the pair (low, high), or one number s for
            (0, s), within [0, 1]. Default (0.02, 0.33).
        fill: What covers, in the images' values: a number, or one for each channel; None, the
            default, is noise, each value anew and uniform over 256 levels of `value_range`
            (Keras' `fill_value`, which here is the border's). A `Pipeline` refuses noise
            after `Normalization`.
        ratio: The pair (low, high) of height over width; drawn uniform in its logarithm. Default
            (0.3, 3.3).
        mask_fill: The class id that segmentation masks have where their image is covered; by
            default they stay as they are.
        p: As in `Operation`.
        **kwargs: As in `Augmentation`.

    Raises:
        ValueError: for a factor or a scale outside [0, 1], a ratio that is not positive, a pair
            in the wrong order, a fill that is not finite, or a `fill_value`.

    Example:

    >>> import numpy as np
    >>> from keras_trainkit import layers
    >>> erasing = layers.RandomErasing(scale=(0.25, 0.25), ratio=(1.0, 1.0), fill=0)
    >>> (erasing(np.ones((8, 8, 1), "uint8")).numpy() == 0).sum()
    np.int64(16)

    Source: Zhong et al. 2020, "Random erasing data augmentation", algorithm 1; the noise is its
    RE-R.
    """

    def __init__(
        self,
        factor: factors.Factor = 1.0,
        scale: factors.Factor = (0.02, 0.33),
        fill: float | tuple[float, ...] | None = None,
        ratio: tuple[float, float] = (0.3, 3.3),
        **kwargs: Any,
    ) -> None:
        super().__init__(fill=0.0 if fill is None else fill, **kwargs)
        if self.fill_value is not None:
            # Keras' name for the colour, which would be lost without a word
            cure = "Pass the colour that covers as `fill`."
            refuse(self, "fill_value", "be left to layers that move pixels", self.fill_value, cure)
        if fill is None:
            self.fill = None
        self.factor = factors.checked(self, "factor", factor, 0, 1)
        self.scale = factors.checked(self, "scale", scale, 0, 1)
        self.ratio = arguments.interval(self, "ratio", ratio)
        arguments.number(self, "ratio", self.ratio[0], above=0)

    @property
    def chance(self) -> float:
        """The product of `p` and the factor."""
        return self.p * factors.chance(self.factor)

    def sample(self, draw: Any) -> dict[str, Any]:
        """Area, ratio, the place as a share of the room there is, and what the noise hangs on."""
        return {
            "area": draw.uniform("area", *factors.one_sided(self.scale)),
            "ratio": tf.exp(draw.uniform("ratio", *map(math.log, self.ratio))),
            "top": draw.uniform("top"),
            "left": draw.uniform("left"),
            "noise": draw.uniform("noise"),
        }

    def element(
        self, size: coordinates.Size, area: Any, ratio: Any, top: Any, left: Any, noise: Any
    ) -> Any:
        """The rectangle."""
        height, width = (tf.cast(length, tf.float32) for length in size)
        # at either end one side is as long as the image's
        shape = height / width
        ratio = tf.clip_by_value(ratio, area * shape, shape / tf.maximum(area, 1e-7))
        pixels = area * height * width
        top, bottom = _inside(tf.sqrt(pixels * ratio), size[0], top)
        left, right = _inside(tf.sqrt(pixels / ratio), size[1], left)
        return boxes.inside(tf.stack([top, left, bottom, right], axis=1), size)

    def colors(self, images: Any, settings: Settings, drawn: dict[str, Any]) -> Any:
        """The constant, or the noise."""
        if self.fill is not None or not drawn:
            return super().colors(images, settings, drawn)
        levels = noise.levels(drawn["noise"], tf.shape(images)[1:])
        return curves.values(levels, settings.value_range)


def _inside(side: Any, length: Any, share: Any) -> tuple[Any, Any]:
    """The ends of a side, rounded to pixels, at this share of the places that it can have."""
    pixels = tf.clip_by_value(tf.cast(tf.round(side), tf.int32), 1, length)
    first = coordinates.pixel(share, length - pixels + 1)
    return first, first + pixels
