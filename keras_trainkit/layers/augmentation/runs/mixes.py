"""Mixes, in which the images of a batch meet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras_trainkit._core.lazy import tf
from keras_trainkit._core.xla import Compiled
from keras_trainkit.layers.augmentation.algebra.coordinates import Size
from keras_trainkit.layers.augmentation.algebra.resampling import cast_like
from keras_trainkit.layers.augmentation.runs.base import Parameters, Run
from keras_trainkit.layers.augmentation.runs.settings import Settings


class MixRun(Run):
    """Each image mixed with a partner from its batch, and its labels with the partner's."""

    label = "mix"

    def __init__(self, operations: Sequence[Any], settings: Settings) -> None:
        super().__init__(operations, settings)
        (self.operation,) = operations
        self._kernel = Compiled(self._mix)

    def accepts(self, operation: Any) -> bool:
        """Never: a pipeline mixes once."""
        return False

    def __call__(
        self, images: Any, parameters: Parameters, dtype: Any = None
    ) -> tuple[Any, Any, Any]:
        """The mixed images, each one's partner (n,), and its own share of the labels (n,)."""
        return self._kernel(images, parameters, dtype)

    def move_masks(self, masks: Any, parameters: Parameters) -> Any:
        """Pasted as the images are."""
        return self._kernel(masks, parameters, masks.dtype)[0]

    def seen(self, edges: Any, size: Size, parameters: Parameters) -> tuple[Any, Any, Any]:
        """Each image's partner (n,), and what shows of its own boxes and of the partner's.

        Args:
            edges: (n, k, 4), the boxes of images of `size`.
            size: (height, width).
            parameters: As drawn.
        """
        partner, drawn = _partners(parameters)
        return partner, *self.operation.seen(edges, tf.gather(edges, partner), size, **drawn)

    def _mix(self, images: Any, parameters: Parameters, dtype: Any) -> tuple[Any, Any, Any]:
        partner, drawn = _partners(parameters)
        mixed, share = self.operation.apply(images, partner, **drawn)
        return cast_like(mixed, dtype), partner, share


def _partners(parameters: Parameters) -> tuple[Any, dict[str, Any]]:
    """Each image's partner, and the other parameters."""
    (given,) = parameters
    drawn = dict(given)
    applied, partner = drawn.pop("applied"), drawn.pop("partner")
    # an image that is left alone is its own partner, which changes nothing, exactly
    return tf.where(applied, partner, tf.range(tf.shape(partner)[0])), drawn
