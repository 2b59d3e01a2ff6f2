"""What a plan refuses before it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras_trainkit._core.arguments import refuse
from keras_trainkit._core.lazy import tf
from keras_trainkit.layers.augmentation.runs.masks import MaskRun
from keras_trainkit.layers.augmentation.runs.opaque import OpaqueRun
from keras_trainkit.layers.augmentation.runs.settings import Settings
from keras_trainkit.layers.augmentation.structures import Sample


def check(
    owner: object, sample: Sample, operations: Sequence[Any], mix: Any, settings: Settings
) -> None:
    """Refuses a sample that the operations cannot take.

    Args:
        owner: The layer.
        sample: What it was given.
        operations: Those that act.
        mix: The mix, whether it acts or not, or None.
        settings: The layer's.
    """
    images = sample.images
    channels = images.shape[3]
    for op in operations:
        if op.channels is not None and channels not in op.channels:
            allowed = " or ".join(str(count) for count in op.channels)
            rule, cure = f"have {allowed} channels", "Convert the images, or leave it out."
            refuse(op.title, "inputs", rule, f"shape {tuple(images.shape)}", cure)
    low, high = settings.value_range
    clips = any(op.run.clips for op in operations)
    if clips and images.dtype.is_integer and not (images.dtype.min <= low and high > 1):
        refuse(
            owner,
            "value_range",
            f"fit images of {images.dtype.name}",
            settings.value_range,
            "Pass (0, 255), or floating images.",
        )
    if sample.boxes is not None and settings.bounding_box_format is None:
        refuse(
            owner,
            "bounding_box_format",
            "be given where there are bounding boxes",
            None,
            "Pass 'xyxy' or another of Keras' names, to the outermost layer.",
        )
    for op in operations if sample.masks is not None else ():
        dtype = sample.masks.dtype
        if op.run is MaskRun and not dtype.min <= (op.mask_fill or 0) <= dtype.max:
            rule = f"fit segmentation masks of {dtype.name}"
            refuse(op.title, "mask_fill", rule, op.mask_fill)
    foreign = next((op for op in operations if op.run is OpaqueRun), None)
    if foreign is not None and (sample.masks is not None or sample.boxes is not None):
        rule = "have no masks or boxes where another library's layer moves the images"
        refuse(owner, "inputs", rule, foreign.title, "Leave either out.")
    if mix is not None and sample.masks is not None and not mix.pastes:
        refuse(
            mix.title,
            "inputs",
            "have no segmentation masks, whose class ids cannot be blended",
            "some",
            "Use CutMix, or leave them out.",
        )
    if mix is not None and sample.single:
        refuse(
            mix.title,
            "inputs",
            "be a batch, since each image is mixed with another",
            "a single image",
            "Call `batch` on the dataset first.",
        )


def check_rows(mix: Any, images: Any, others: Any) -> None:
    """Refuses a nest of labels and sample weights, tensors or None, that cannot be mixed."""
    for each in tf.nest.flatten(others):
        if each is not None and not each.shape[:1].is_compatible_with(images.shape[:1]):
            rule = "have a row for each image"
            refuse(mix.title, "labels` and `sample_weight", rule, f"shape {tuple(each.shape)}")
