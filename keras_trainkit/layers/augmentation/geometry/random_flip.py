"""Random mirror images."""

from __future__ import annotations

from typing import Any

from keras_trainkit._core import arguments
from keras_trainkit._core.registration import register
from keras_trainkit.layers.augmentation.algebra import coordinates
from keras_trainkit.layers.augmentation.kinds import Geometry
from keras_trainkit.layers.augmentation.runs.geometry import LATTICE

_MODES = ("horizontal", "vertical", "horizontal_and_vertical")


@register
class RandomFlip(Geometry):
    """Turns images over, each axis by a coin of its own.

    With both axes the four outcomes are equally likely at p = 1/2, where
    `keras.layers.RandomFlip` throws one coin for both and has two.

    Args:
        mode: `"horizontal"`, `"vertical"` or `"horizontal_and_vertical"` (the default).
        p: The probability of turning over, for each axis. Default 1/2.
        **kwargs: As in `Augmentation`.

    Raises:
        ValueError: for another mode, or a p outside [0, 1].

    Example:

    >>> import numpy as np
    >>> from keras_trainkit import layers
    >>> layers.RandomFlip("horizontal", p=1.0)(np.arange(3.0).reshape(1, 3, 1))[0, :, 0].numpy()
    array([2., 1., 0.])

    Source: Krizhevsky et al. 2012, "ImageNet classification with deep convolutional neural
    networks", section 4.1.
    """

    level = LATTICE
    reaches_out = False
    windows = False

    def __init__(
        self, mode: str = "horizontal_and_vertical", p: float = 0.5, **kwargs: Any
    ) -> None:
        super().__init__(p=p, **kwargs)
        self.mode = arguments.one_of(self, "mode", mode, _MODES)

    def draw(self, draw: Any) -> dict[str, Any]:
        """The coins are the parameters: there is no other chance."""
        return self.sample(draw)

    def sample(self, draw: Any) -> dict[str, Any]:
        """Two coins."""
        p = {axis: self.p if axis in self.mode else 0.0 for axis in ("vertical", "horizontal")}
        # the upper end of each draw is heads, so that a sheet goes from unmoved to turned over
        return {axis: draw.uniform(axis) >= 1.0 - chance for axis, chance in p.items()}

    def narrow(self, drawn: dict[str, Any], open_: Any) -> dict[str, Any]:
        """Both coins show tails behind a closed gate."""
        return {axis: coin & open_ for axis, coin in drawn.items()}

    def choose(self, drawn: dict[str, Any], element: Any, rest: Any) -> Any:
        """Coins that show tails give the identity already."""
        return element(drawn) if drawn else rest

    def element(self, size: coordinates.Size, vertical: Any, horizontal: Any) -> Any:
        """The mirror map."""
        return coordinates.mirror(size, vertical, horizontal)
