"""Random sharpness."""

from __future__ import annotations

from typing import Any

from keras_trainkit._core.registration import register
from keras_trainkit.layers.augmentation import factors
from keras_trainkit.layers.augmentation.algebra import filters
from keras_trainkit.layers.augmentation.kinds import Filter


@register
class RandomSharpness(Filter):
    """Moves images away from their smooth version, or towards it: s + 2 factor (v - s).

    s is the mean over 3x3 pixels, the middle one counted five times: `ImageEnhance.Sharpness` of
    Pillow, with the factor doubled. The outermost pixels stay as they are, as in Pillow;
    `keras.layers.RandomSharpness` averages them with zeros.

    Args:
        factor: The pair (low, high), or one number f for (0, f), within [0, 1]: 0 is smooth, 0.5
            changes nothing, 1 is sharper.
        p: As in `Operation`.
        **kwargs: As in `Augmentation`.

    Raises:
        ValueError: for factors outside [0, 1] or a pair in the wrong order.

    Example:

    >>> import numpy as np
    >>> from keras_trainkit import layers
    >>> spot = np.zeros((3, 3, 1), "uint8")
    >>> spot[1, 1] = 130
    >>> layers.RandomSharpness((0.0, 0.0))(spot)[..., 0].numpy()
    array([[ 0,  0,  0],
           [ 0, 50,  0],
           [ 0,  0,  0]], dtype=uint8)

    Source: Cubuk et al. 2019, "AutoAugment: Learning augmentation policies from data", table 6;
    the units are those of `keras.layers.RandomSharpness`.
    """

    def __init__(self, factor: factors.Factor, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factors.checked(self, "factor", factor, 0, 1)
        self.stages = (self._sharpen,)

    def sample(self, draw: Any) -> dict[str, Any]:
        """The factor in Keras' units."""
        return {"factor": draw.uniform("factor", *factors.one_sided(self.factor))}

    def _sharpen(self, images: Any, factor: Any) -> Any:
        return filters.sharpen(images, 2.0 * factor)
