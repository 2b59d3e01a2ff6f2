"""Random contrast."""

from __future__ import annotations

from typing import Any

from keras_trainkit._core.registration import register
from keras_trainkit.layers.augmentation import factors
from keras_trainkit.layers.augmentation.algebra import matrices
from keras_trainkit.layers.augmentation.kinds import Color


@register
class RandomContrast(Color):
    """Scales all channels away from one pivot, the luma of the image's mean: f v + (1 - f) pivot.

    The pivot is grey, so that colours keep their hue (as in Pillow and torchvision);
    `keras.layers.RandomContrast` scales each channel about its own mean, and, given one number,
    only ever raises the contrast.

    Args:
        factor: One number a for f in [1 - a, 1 + a], or the pair (lower, upper) for f in
            [1 - lower, 1 + upper], both within [0, 1].
        p: As in `Operation`.
        **kwargs: As in `Augmentation`.

    Raises:
        ValueError: for numbers outside [0, 1]; at the first call, for images of other than 1, 3
            or 4 channels. A fourth, alpha, is left alone.

    Example:

    >>> import numpy as np
    >>> from keras_trainkit import layers
    >>> contrast = layers.RandomContrast((0.5, 1.0))
    >>> contrast(np.full((1, 2, 1), 90, "uint8")).numpy().ravel()  # no contrast to change
    array([90, 90], dtype=uint8)

    Source: the units are those of `keras.layers.RandomContrast`; the pivot is that of Pillow's
    `ImageEnhance.Contrast`, unrounded.
    """

    channels = (1, 3, 4)
    uniform = True

    def __init__(self, factor: factors.Factor, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factors.around_one(self, "factor", factor)

    def sample(self, draw: Any) -> dict[str, Any]:
        """The factor."""
        lower, upper = factors.both(self.factor)
        return {"factor": draw.uniform("factor", 1 - lower, 1 + upper)}

    def element(self, mean: Any, unit: float, factor: Any) -> Any:
        """The scaling about the grey pivot."""
        return matrices.contrast(factor, mean)
