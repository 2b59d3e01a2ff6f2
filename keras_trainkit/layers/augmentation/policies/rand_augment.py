"""A few operations, drawn anew for each image, at one magnitude."""

from __future__ import annotations

from typing import Any

from keras_trainkit._core import arguments
from keras_trainkit._core.lazy import tf
from keras_trainkit._core.registration import register
from keras_trainkit.layers.augmentation.algebra.coordinates import pixel
from keras_trainkit.layers.augmentation.kinds import Policy
from keras_trainkit.layers.augmentation.policies import spaces


@register
class RandAugment(Policy):
    """Applies `num_ops` operations in a row, each drawn from 14, at one magnitude.

    The 14, drawn with replacement: Identity, AutoContrast, Equalize, Rotate, Solarize, Color,
    Posterize, Contrast, Brightness, Sharpness, ShearX, ShearY, TranslateX, TranslateY (in
    `parameters`, `"operation"` counts in this order).  At magnitude m the fraction m / 30 of:
    30 degrees, a shear of 0.3, 150/331 of the side, a factor 0.9 away from 1, posterize from 8
    to 4 bits, solarize from level 255 down to 0; with a random sign but for the last two.
    Operations act on 256 levels in Pillow's meaning, geometry with the layer's `interpolation` and
    border.

    Every image draws its own; Keras' layer of this name draws for the batch, and measures its
    strength by `factor`.

    Args:
        num_ops: How many operations in a row. Default 2.
        magnitude: In [0, 30]. Default 9.
        p: As in `Operation`.
        **kwargs: As in `Augmentation`.

    Raises:
        ValueError: for a number of operations below 1 or a magnitude outside [0, 30]; at the first
            call, for images of other than 1 or 3 channels.

    Example:

    >>> import numpy as np
    >>> from keras_trainkit import layers
    >>> layers.RandAugment(magnitude=12)(np.zeros((2, 8, 8, 3), "uint8")).shape
    TensorShape([2, 8, 8, 3])

    Source: Cubuk, Zoph, Shlens & Le 2020, "RandAugment: Practical automated data augmentation
    with a reduced search space".
    """

    def __init__(self, num_ops: int = 2, magnitude: float = 9, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_ops = arguments.integer(self, "num_ops", num_ops, 1)
        self.magnitude = arguments.number(self, "magnitude", magnitude, minimum=0, maximum=30)

    def sample(self, draw: Any) -> dict[str, Any]:
        """For each slot, the operation and the sign."""
        slots = {}
        for slot in range(self.num_ops):
            within = draw.within(f"slot_{slot}")
            slots[f"slot_{slot}"] = {
                "operation": pixel(within.uniform("operation"), len(spaces.FOURTEEN)),
                "sign": within.sign("sign"),
            }
        return slots

    def element(self, size: Any, **slots: dict[str, Any]) -> Any:
        """A step a slot."""
        drawn = [slots[f"slot_{slot}"] for slot in range(self.num_ops)]
        operations, signs = (
            tf.stack([each[name] for each in drawn], axis=1) for name in ("operation", "sign")
        )
        places = tf.gather(tf.constant(spaces.FOURTEEN), operations)
        return spaces.AUTO_AUGMENT.steps(size, places, self.magnitude / 30.0, signs)
