"""One operation at a random magnitude."""

from __future__ import annotations

from typing import Any

from keras_trainkit._core.lazy import tf
from keras_trainkit._core.registration import register
from keras_trainkit.layers.augmentation.algebra.coordinates import pixel
from keras_trainkit.layers.augmentation.kinds import Policy
from keras_trainkit.layers.augmentation.policies import spaces


@register
class TrivialAugment(Policy):
    """Applies one operation of 14 at one magnitude of 31, both drawn for each image.

    The paper's Wide space: the operations of `RandAugment`, and for bin b the fraction b / 30 of:
    135 degrees, a shear of 0.99, 32 pixels, a factor 0.99 away from 1, posterize from 8 to 2 bits,
    solarize from level 255 down to 0; with a random sign but for the last two. Nothing to tune.

    Args:
        p: As in `Operation`.
        **kwargs: As in `Augmentation`.

    Raises:
        ValueError: at the first call, for images of other than 1 or 3 channels.

    Example:

    >>> import numpy as np
    >>> from keras_trainkit import layers
    >>> layers.TrivialAugment()(np.zeros((2, 8, 8, 3), "uint8")).shape
    TensorShape([2, 8, 8, 3])

    Source: Muller & Hutter 2021, "TrivialAugment: Tuning-free yet state-of-the-art data
    augmentation", table 1.
    """

    def sample(self, draw: Any) -> dict[str, Any]:
        """The operation, the magnitude's bin and the sign."""
        return {
            "operation": pixel(draw.uniform("operation"), len(spaces.FOURTEEN)),
            "magnitude": pixel(draw.uniform("magnitude"), 31),
            "sign": draw.sign("sign"),
        }

    def element(self, size: Any, operation: Any, magnitude: Any, sign: Any) -> Any:
        """One step."""
        places = tf.gather(tf.constant(spaces.FOURTEEN), operation)
        fractions = tf.cast(magnitude, tf.float32) / 30.0
        return spaces.TRIVIAL_AUGMENT.steps(size, places, fractions, sign)[:, None]
