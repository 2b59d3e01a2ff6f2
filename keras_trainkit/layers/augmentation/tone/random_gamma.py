"""Random gamma."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from keras_trainkit._core import arguments
from keras_trainkit._core.lazy import tf
from keras_trainkit._core.registration import register
from keras_trainkit.layers.augmentation import factors
from keras_trainkit.layers.augmentation.algebra import curves
from keras_trainkit.layers.augmentation.kinds import Tone


@register
class RandomGamma(Tone):
    """Raises the share of white to a random power: 255 (v / 255)^g, on 256 levels.

    Black and white stay; an exponent above 1 darkens what is between, one below 1 lightens it.

    Args:
        factor: The exponents' pair (low, high), or one number g for (1 / g, g), at least 1. Drawn
            uniform in their logarithm, so that darkening is as frequent as lightening.
        p: As in `Operation`.
        **kwargs: As in `Augmentation`.

    Raises:
        ValueError: for exponents that are not positive, one number below 1, or a pair in the
            wrong order.

    Example:

    >>> import numpy as np
    >>> from keras_trainkit import layers
    >>> square = layers.RandomGamma((2.0, 2.0))
    >>> square(np.array([[[0], [51], [255]]], "uint8")).numpy().ravel()
    array([  0,  10, 255], dtype=uint8)

    Source: the power law of Poynton 1996, "A technical introduction to digital video", chapter 6.
    """

    def __init__(self, factor: factors.Factor, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if np.ndim(factor):
            self.factor: factors.Factor = arguments.interval(self, "factor", factor)
            arguments.number(self, "factor", self.factor[0], above=0)
        else:
            self.factor = arguments.number(self, "factor", factor, minimum=1)

    def sample(self, draw: Any) -> dict[str, Any]:
        """The exponent."""
        ends = self.factor if isinstance(self.factor, tuple) else (1 / self.factor, self.factor)
        return {"exponent": tf.exp(draw.uniform("exponent", *map(math.log, ends)))}

    def element(self, histogram: Any, exponent: Any) -> Any:
        """The power."""
        return curves.gamma(exponent)
