"""Tone: curves composed into one, and a single pass over the pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras_trainkit._core.lazy import tf
from keras_trainkit._core.xla import Compiled
from keras_trainkit.layers.augmentation.algebra import curves
from keras_trainkit.layers.augmentation.algebra.resampling import cast_like
from keras_trainkit.layers.augmentation.runs.base import Parameters, Run
from keras_trainkit.layers.augmentation.runs.settings import Settings


class ToneRun(Run):
    """Tone curves composed into one an image, or one a channel, read in one pass.

    Images that an operation acts on are rounded to 256 levels over `value_range`; the others,
    a fourth channel, and NaN stay as they are.
    """

    label = "tone curve"
    clips = True

    def __init__(self, operations: Sequence[Any], settings: Settings) -> None:
        super().__init__(operations, settings)
        self._reads_histogram = any(op.reads_histogram for op in operations)
        # two kernels: in one, XLA would work the curve out again for every pixel
        self._compose = Compiled(self._composed)
        self._apply = Compiled(self._applied)

    def __call__(self, images: Any, parameters: Parameters, dtype: Any = None) -> Any:
        """The images after this run: uint8 in (0, 255) stay what they are, others give float32."""
        return self._apply(images, *self._compose(images, parameters), dtype)

    def _composed(self, images: Any, parameters: Parameters) -> tuple[Any, Any]:
        """One curve for all operations, and which images any acts on."""
        rows = tf.shape(images)[0]
        histogram = None
        if self._reads_histogram:
            histogram = curves.histograms(self._levels(images))
        total, acts = curves.identity(rows), tf.zeros([rows], tf.bool)
        for op, drawn in zip(self.operations, parameters, strict=True):
            # where chance is off, only what is certain is left
            drawn = drawn or {"applied": tf.ones([rows], tf.bool)}
            curve = op.choose(
                drawn, lambda d, o=op, h=histogram: o.element(h, **d), curves.identity(1)
            )
            total = curves.compose(total, curve)
            acts |= drawn["applied"]
            if histogram is not None:
                histogram = curves.carry(histogram, curve)
        return total, acts

    def _applied(self, images: Any, curve: Any, acts: Any, dtype: Any) -> Any:
        levels = curves.apply(self._levels(images), curve)
        colors, alpha = _apart(images)
        if curves.are_levels(images, self.settings.value_range):
            toned = tf.cast(levels, images.dtype)
        else:
            values = curves.values(levels, self.settings.value_range)
            colors, alpha = (tf.cast(part, tf.float32) for part in (colors, alpha))
            toned = tf.where(acts[:, None, None, None] & ~tf.math.is_nan(colors), values, colors)
        whole = tf.concat([toned, alpha], axis=3) if alpha.shape[3] else toned
        return cast_like(whole, dtype)

    def _levels(self, images: Any) -> Any:
        return curves.levels(_apart(images)[0], self.settings.value_range)


def _apart(images: Any) -> tuple[Any, Any]:
    """The channels that have a tone, and the fourth of four, which has none."""
    colors = 3 if images.shape[3] == 4 else images.shape[3]
    return images[..., :colors], images[..., colors:]
