"""A list of augmentations that is planned as a whole, then run in a few passes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras_trainkit._core import arguments
from keras_trainkit._core.arguments import refuse
from keras_trainkit._core.registration import register
from keras_trainkit.layers.augmentation.group import Group
from keras_trainkit.layers.augmentation.opaque import Opaque
from keras_trainkit.layers.augmentation.plan import Plan
from keras_trainkit.layers.augmentation.runs.masks import MaskRun
from keras_trainkit.layers.augmentation.runs.mixes import MixRun
from keras_trainkit.layers.augmentation.runs.normalization import NormalizationRun

_OUTPUT_DTYPES = ("uint8", "float16", "bfloat16", "float32", "float64")


@register
class Pipeline(Group):
    """Augmentations as one layer, fused: one resampling, one pass over the values, one mix.

    Neighbouring geometric operations become one coordinate map, neighbouring colour operations
    one matrix, so that a pixel is interpolated and rounded once. The result is sharper than that
    of a chain of layers and several times faster. The border that a geometric run meets is that
    of the image which the run receives; colours are clipped once, at the end of their run.

    Args:
        layers: A sequence of this package's augmentations (pipelines among them are unfolded),
            and of Keras layers (KerasCV's too) that take and give images; those run as they are,
            on images without masks or boxes, and end reproducibility and checkpointing.  One mix
            at the most, after everything but `Normalization`; after `Normalization` only masks
            and a mix.
        fuse: False gives every operation a pass of its own, to see what fusing changes: nothing
            for whole-pixel moves, rounding and resampling losses elsewhere.
        output_dtype: `"uint8"`, `"float16"`, `"bfloat16"`, `"float32"` or `"float64"`; by default
            the input's, or float32 after `Normalization` and `MixUp`.
        **kwargs: `value_range`, `fill_mode`, `fill_value`, `interpolation`, `bounding_box_format`,
            `seed` and more, as in `Augmentation`; a member that sets one of the first five
            differently is refused.

    Raises:
        ValueError: for an empty list, something that is no layer, an order that is refused, or
            a member that disagrees with the pipeline.

    Example:

    >>> import numpy as np
    >>> from keras_trainkit import layers
    >>> pipeline = layers.Pipeline([
    ...     layers.RandomCrop(32, 32, padding=4),
    ...     layers.RandomFlip("horizontal"),
    ...     layers.RandomBrightness(0.2),
    ...     layers.RandomContrast(0.2),
    ...     layers.Cutout(8),
    ... ], seed=0)
    >>> print(pipeline.plan())
    5 operations in 2 passes
      1. one move of whole pixels, border reflect: RandomCrop, RandomFlip
      2. one pass over the pixels: colour matrix: RandomBrightness, RandomContrast; mask: Cutout
    >>> pipeline(np.zeros((2, 32, 32, 3), "uint8")).shape
    TensorShape([2, 32, 32, 3])

    Source: composing random geometry in one matrix and random colour in another is how Karras et
    al. 2020, "Training generative adversarial networks with limited data", appendix B, augment.
    """

    def __init__(
        self,
        layers: Sequence[Any],
        fuse: bool = True,
        output_dtype: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(layers, **kwargs)
        self.fuse = arguments.boolean(self, "fuse", fuse)
        self.output_dtype = output_dtype
        if output_dtype is not None:
            arguments.one_of(self, "output_dtype", output_dtype, _OUTPUT_DTYPES)
        self._refuse_disorder()

    def operations(self) -> tuple[Any, ...]:
        """The operations, those of inner pipelines unfolded."""
        return tuple(op for member in self.members() for op in member)

    def _make_plan(self, training: bool) -> Plan:
        return Plan(self.operations(), self.settings, self.fuse, training, self.output_dtype)

    def unfold_foreign(self, layer: Any) -> tuple[Any, ...]:
        """Another library's layer as an opaque step."""
        return (Opaque(layer),)

    def _refuse_disorder(self) -> None:
        mix = normalization = None
        for op in self.operations():
            if op.run is MixRun and mix is not None:
                refuse(self, "layers", "mix at most once", op.title, f"Keep {mix} or {op.title}.")
            if mix is not None and op.run is not NormalizationRun:
                rule = "have nothing but Normalization after a mix"
                refuse(self, "layers", rule, op.title, f"Put it before {mix}.")
            if normalization is not None and op.run not in (MaskRun, MixRun):
                rule = "have nothing but masks and a mix after Normalization"
                refuse(self, "layers", rule, op.title, f"Put it before {normalization}.")
            if normalization is not None and op.run is MaskRun and op.fill is None:
                rule = "have no noise of the value range after Normalization"
                cure = f"Put {op.title} before it, or give it a fill."
                refuse(self, "layers", rule, op.title, cure)
            mix = op.title if op.run is MixRun else mix
            normalization = op.title if op.run is NormalizationRun else normalization
