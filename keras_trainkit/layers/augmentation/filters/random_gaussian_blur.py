"""Random Gaussian blur."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_trainkit._core import arguments
from keras_trainkit._core.arguments import refuse
from keras_trainkit._core.registration import register
from keras_trainkit.layers.augmentation import factors
from keras_trainkit.layers.augmentation.algebra import filters
from keras_trainkit.layers.augmentation.kinds import Filter


@register
class RandomGaussianBlur(Filter):
    """Blurs images by a Gaussian, whose deviation each draws for itself.

    What stands beyond the border is the pipeline's `fill_mode`: the mirror image by default,
    where `keras.layers.RandomGaussianBlur` darkens the border with zeros. Keras draws two
    deviations, one an axis, for the whole batch.

    Args:
        factor: The probability with which an image is blurred, times `p`. Default 1: all of
            them. Of a pair, from which Keras draws that probability, it is the mean. Keras takes
            one number f for the pair (0, f), and so blurs half as many.
        kernel_size: The pixels that are weighted along each axis, odd, or the pair (height,
            width). Default 3. Six deviations or more lose nothing that can be seen.
        sigma: The standard deviation in pixels, or the pair (low, high) between which it is
            drawn. Default 1.
        p: As in `Operation`.
        **kwargs: As in `Augmentation`.

    Raises:
        ValueError: for a factor outside [0, 1], an even or negative size, a negative deviation,
            or a pair in the wrong order.

    Example:

    >>> import numpy as np
    >>> from keras_trainkit import layers
    >>> spot = np.zeros((1, 5, 1), "uint8")
    >>> spot[0, 2] = 200
    >>> layers.RandomGaussianBlur()(spot).numpy().ravel()
    array([ 0, 55, 90, 55,  0], dtype=uint8)

    Source: Chen et al. 2020, "A simple framework for contrastive learning of visual
    representations", appendix A, with a kernel of a tenth of the side and sigma=(0.1, 2.0).
    """

    def __init__(
        self,
        factor: factors.Factor = 1.0,
        kernel_size: int | tuple[int, int] = 3,
        sigma: float | tuple[float, float] = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.factor = factors.checked(self, "factor", factor, 0, 1)
        self.kernel_size = arguments.size(self, "kernel_size", kernel_size)
        height, width = factors.both(self.kernel_size)
        if not (height % 2 and width % 2):
            refuse(self, "kernel_size", "be odd", kernel_size)
        self.sigma = (
            arguments.interval(self, "sigma", sigma, 0)
            if np.ndim(sigma)
            else arguments.number(self, "sigma", sigma, minimum=0)
        )
        self.reach = height // 2, width // 2
        self.stages = (self._down, self._across)

    @property
    def chance(self) -> float:
        """The product of `p` and the factor."""
        return self.p * factors.chance(self.factor)

    def sample(self, draw: Any) -> dict[str, Any]:
        """The standard deviation."""
        return {"sigma": draw.uniform("sigma", *factors.both(self.sigma))}

    def _down(self, images: Any, sigma: Any) -> Any:
        return filters.convolve(images, filters.gaussian(sigma, self.reach[0]), 1)

    def _across(self, images: Any, sigma: Any) -> Any:
        return filters.convolve(images, filters.gaussian(sigma, self.reach[1]), 2)
