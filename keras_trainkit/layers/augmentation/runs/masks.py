"""Masks: parts of the image covered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras_trainkit._core.lazy import tf
from keras_trainkit._core.xla import Compiled
from keras_trainkit.layers.augmentation.algebra import resampling
from keras_trainkit.layers.augmentation.runs.base import Parameters, PointwiseRun
from keras_trainkit.layers.augmentation.runs.settings import Settings


class MaskRun(PointwiseRun):
    """Places filled with a colour."""

    label = "mask"

    def __init__(self, operations: Sequence[Any], settings: Settings) -> None:
        super().__init__(operations, settings)
        self._masks = Compiled(self._fill_masks)

    def pixels(self, images: Any, parameters: Parameters) -> Any:
        """The images, in their dtype, with the places filled."""
        for op, drawn in zip(self.operations, parameters, strict=True):
            fill = resampling.cast_like(op.colors(images, self.settings, drawn), images.dtype)
            images = tf.where(self._covered(op, drawn, images), fill, images)
        return images

    def move_masks(self, masks: Any, parameters: Parameters) -> Any:
        """Filled with each operation's `mask_fill`; left as they are where that is None."""
        return self._masks(masks, parameters)

    def _fill_masks(self, masks: Any, parameters: Parameters) -> Any:
        for op, drawn in zip(self.operations, parameters, strict=True):
            if op.mask_fill is not None:
                fill = tf.cast(op.mask_fill, masks.dtype)
                masks = tf.where(self._covered(op, drawn, masks), fill, masks)
        return masks

    def _covered(self, op: Any, drawn: dict[str, Any], images: Any) -> Any:
        size = resampling.image_size(images)
        return op.choose(drawn, lambda parameters: op.element(size, **parameters), False)
