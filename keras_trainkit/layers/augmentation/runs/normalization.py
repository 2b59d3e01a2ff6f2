"""Normalisation, which gives float32."""

from __future__ import annotations

from typing import Any

from keras_trainkit._core.lazy import tf
from keras_trainkit.layers.augmentation.runs.base import Parameters, PointwiseRun


class NormalizationRun(PointwiseRun):
    """Channels brought to mean 0 and deviation 1, in float32."""

    label = "normalisation"

    def pixels(self, images: Any, parameters: Parameters) -> Any:
        """float32 images, normalised."""
        for op in self.operations:
            mean, scale = op.constants(images.shape[3])
            images = (tf.cast(images, tf.float32) - mean) * scale
        return images
