"""Random posterization."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_trainkit._core import arguments
from keras_trainkit._core.registration import register
from keras_trainkit.layers.augmentation import factors
from keras_trainkit.layers.augmentation.algebra import coordinates, curves
from keras_trainkit.layers.augmentation.kinds import Tone


@register
class RandomPosterization(Tone):
    """Keeps only the highest bits of each of 256 levels over `value_range`.

    `keras.layers.RandomPosterization` never draws the upper end of its range, so that one number
    n gives it 1 to n - 1 bits; here it gives n, as Keras' documentation says.

    Args:
        factor: The number of bits, from 1 to 8, or the pair (low, high), both included.
        p: As in `Operation`.
        **kwargs: As in `Augmentation`.

    Raises:
        ValueError: for bits that are not whole numbers from 1 to 8, or a pair in the wrong order.

    Example:

    >>> import numpy as np
    >>> from keras_trainkit import layers
    >>> layers.RandomPosterization(2)(np.array([[[100], [200]]], "uint8")).numpy().ravel()
    array([ 64, 192], dtype=uint8)

    Source: Cubuk et al. 2019, "AutoAugment: Learning augmentation policies from data", table 6.
    """

    def __init__(self, factor: int | tuple[int, int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if np.ndim(factor):
            low, high = arguments.interval(self, "factor", factor, 1, 8)
        else:
            low = high = arguments.number(self, "factor", factor, minimum=1, maximum=8)
        bits = arguments.integer(self, "factor", low, 1), arguments.integer(self, "factor", high, 1)
        self.factor = bits if np.ndim(factor) else bits[0]

    def sample(self, draw: Any) -> dict[str, Any]:
        """The number of bits."""
        low, high = factors.both(self.factor)
        return {"bits": low + coordinates.pixel(draw.uniform("bits"), high - low + 1)}

    def element(self, histogram: Any, bits: Any) -> Any:
        """The curve with steps."""
        return curves.posterize(bits)
