"""Chains of coordinate maps: an output place is followed back through all of them."""

from __future__ import annotations

from typing import Any, NamedTuple

from keras_trainkit._core.lazy import tf
from keras_trainkit.layers.augmentation.algebra import coordinates
from keras_trainkit.layers.augmentation.algebra.lenses import Lens


class Chain(NamedTuple):
    """Maps and lenses in the order of the operations; neighbouring maps are one.

    Places are pairs (y, x) of tensors (n, ...) that broadcast together.
    """

    links: tuple[Any, ...] = ()

    def then(self, link: Any) -> Chain:
        """This chain, and after it a map (n, 2, 3) or (n, 3, 3), or a `Lens`."""
        *before, last = self.links or [None]
        if last is None or isinstance(link, Lens) or isinstance(last, Lens):
            return Chain((*self.links, link))
        return Chain((*before, coordinates.compose(last, link)))

    @property
    def map(self) -> Any:
        """The only link, where all operations are affine."""
        (link,) = self.links
        return link

    def follow(self, y: Any, x: Any) -> tuple[Any, Any]:
        """Where output places are read."""
        for link in reversed(self.links):
            y, x = link.follow(y, x) if isinstance(link, Lens) else coordinates.follow(link, y, x)
        return y, x

    def unfollow(self, y: Any, x: Any) -> tuple[Any, Any]:
        """Which output places read input places."""
        for link in self.links:
            if isinstance(link, Lens):
                y, x = link.unfollow(y, x)
            else:
                y, x = coordinates.follow(coordinates.inverse(link), y, x)
        return y, x

    def steps(self, y: Any, x: Any) -> list[Any]:
        """How far apart neighbours down and to the right are read: squares, at output places."""
        first, *more = self.links
        if not more and not isinstance(first, Lens) and coordinates.is_affine(first):
            squares = tf.reduce_sum(first[:, :, :2] ** 2, axis=1)
            return [squares[:, axis, None, None] for axis in (0, 1)]
        steps = []
        for down, right in ((0.5, 0.0), (0.0, 0.5)):
            (y0, x0), (y1, x1) = (self.follow(y + s * down, x + s * right) for s in (-1.0, 1.0))
            steps.append((y1 - y0) ** 2 + (x1 - x0) ** 2)
        return steps
