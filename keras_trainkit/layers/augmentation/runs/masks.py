"""Masks: parts of the image covered."""

from __future__ import annotations

from typing import Any

from keras_trainkit._core.lazy import tf
from keras_trainkit.layers.augmentation.algebra import resampling
from keras_trainkit.layers.augmentation.runs.base import Parameters, PointwiseRun


class MaskRun(PointwiseRun):
    """Places filled with a colour."""

    label = "mask"

    def pixels(self, images: Any, parameters: Parameters) -> Any:
        """The images, in their dtype, with the places filled."""
        size = resampling.image_size(images)
        for op, drawn in zip(self.operations, parameters, strict=True):
            covered = op.choose(drawn, lambda d, o=op: o.element(size, **d), False)
            fill = resampling.cast_like(tf.constant(op.fill), images.dtype)
            images = tf.where(covered, fill, images)
        return images
