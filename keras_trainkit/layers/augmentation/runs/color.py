"""Colour: matrices composed into one, and a single pass over the values."""

from __future__ import annotations

from typing import Any

from keras_trainkit._core.lazy import tf
from keras_trainkit.layers.augmentation.algebra import matrices
from keras_trainkit.layers.augmentation.runs.base import Parameters, PointwiseRun


class ColorRun(PointwiseRun):
    """Colour maps composed into one matrix an image, applied and clipped once."""

    label = "colour matrix"
    clips = True

    def pixels(self, images: Any, parameters: Parameters) -> Any:
        """float32 images with their colours mapped, inside `value_range`."""
        images = tf.cast(images, tf.float32)
        rows = tf.shape(images)[0]
        channels = 1 if images.shape[3] == 1 else 3
        colors, alpha = images[..., :channels], images[..., channels:]
        mean = matrices.mean(colors)
        total = matrices.identity(rows, channels)
        for op, drawn in zip(self.operations, parameters, strict=True):
            matrix = op.choose(
                drawn,
                lambda d, o=op, m=mean: o.element(m, self.settings.unit, **d),
                matrices.identity(rows, channels),
            )
            mean = matrices.transform(matrix, mean)
            total = matrices.compose(total, matrix)
        low, high = self.settings.value_range
        uniform = all(op.uniform for op in self.operations)
        apply = matrices.apply_uniform if uniform else matrices.apply
        colors = tf.clip_by_value(apply(colors, total), low, high)
        return tf.concat([colors, alpha], axis=3) if alpha.shape[3] else colors
