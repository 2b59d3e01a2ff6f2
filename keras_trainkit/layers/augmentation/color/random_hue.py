"""Random hue."""

from __future__ import annotations

import math
from typing import Any

from keras_trainkit._core.registration import register
from keras_trainkit.layers.augmentation import factors
from keras_trainkit.layers.augmentation.algebra import matrices
from keras_trainkit.layers.augmentation.kinds import Color


@register
class RandomHue(Color):
    """Turns colours about the grey axis of RGB by a random angle of either sign.

    Linear, so it composes with the other colour operations; it keeps R + G + B, and luma moves.
    `keras.layers.RandomHue` shifts the H of HSV instead, which keeps the largest and the smallest
    channel; the two agree on pure hues at multiples of a third of a turn.

    Args:
        factor: The magnitude in half turns: the pair (low, high), or one number f for (0, f); the
            sign is random. Within [0, 1].
        p: As in `Operation`.
        **kwargs: As in `Augmentation`.

    Raises:
        ValueError: for factors outside [0, 1] or a pair in the wrong order; at the first call,
            for images of other than 3 or 4 channels. A fourth, alpha, is left alone.

    Example:

    >>> import numpy as np
    >>> from keras_trainkit import layers
    >>> layers.RandomHue(0.1)(np.zeros((2, 8, 8, 3), "uint8")).shape
    TensorShape([2, 8, 8, 3])

    Source: the units are those of `keras.layers.RandomHue`; the rotation is Rodrigues' formula.
    """

    def __init__(self, factor: factors.Factor, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factors.checked(self, "factor", factor, 0, 1)

    def sample(self, draw: Any) -> dict[str, Any]:
        """The signed angle, in half turns."""
        magnitude = draw.uniform("factor", *factors.one_sided(self.factor))
        return {"factor": magnitude * draw.sign("sign")}

    def element(self, mean: Any, unit: float, factor: Any) -> Any:
        """The rotation."""
        return matrices.hue(factor * math.pi)
