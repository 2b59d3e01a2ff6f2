"""What `Dataset.map` and Keras hand over: images alone, (x, y), (x, y, w) or a dictionary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from keras_trainkit._core.arguments import refuse
from keras_trainkit._core.lazy import tf

_WEIGHT_KEYS = ("sample_weights", "sample_weight")
_SPATIAL_KEYS = ("segmentation_masks", "bounding_boxes")


@dataclass(frozen=True)
class Sample:
    """One element, taken apart.

    Attributes:
        images: (n, h, w, c), or (h, w, c) until `batched`.
        labels: A tensor or a nest of tensors, or None.
        weights: Sample weights, or None.
        pack: Puts (images, labels, weights) back into the structure they came in.
        single: Whether the images came as one image.
    """

    images: Any
    labels: Any
    weights: Any
    pack: Callable[[Any, Any, Any], Any]
    single: bool = False


def unpack(owner: object, inputs: Any) -> Sample:
    """Takes `inputs` apart and adds the batch axis where there is none."""
    if isinstance(inputs, dict):
        sample = _from_dict(owner, inputs)
    elif isinstance(inputs, tuple | list):
        sample = _from_tuple(owner, tuple(inputs))
    else:
        sample = Sample(inputs, None, None, lambda images, labels, weights: images)
    return _batched(owner, sample)


def pack(sample: Sample) -> Any:
    """The structure that `unpack` took apart, with the sample's present contents."""
    images = sample.images[0] if sample.single else sample.images
    return sample.pack(images, sample.labels, sample.weights)


def _from_tuple(owner: object, inputs: tuple[Any, ...]) -> Sample:
    if not 1 <= len(inputs) <= 3:
        refuse(owner, "inputs", "be images, (x, y) or (x, y, sample_weight)", inputs)
    images, labels, weights = (*inputs, None, None)[:3]
    count = len(inputs)
    return Sample(images, labels, weights, lambda *parts: parts[:count])


def _from_dict(owner: object, inputs: dict[str, Any]) -> Sample:
    if "images" not in inputs:
        refuse(owner, "inputs", "have the key 'images'", sorted(inputs))
    spatial = [key for key in _SPATIAL_KEYS if key in inputs]
    if spatial:
        refuse(
            owner,
            "inputs",
            "hold no masks or boxes, which this version does not move with their image",
            spatial[0],
            "Map them with a layer that does, or leave the key out.",
        )
    weight_key = next((key for key in _WEIGHT_KEYS if key in inputs), _WEIGHT_KEYS[0])

    def pack(images: Any, labels: Any, weights: Any) -> dict[str, Any]:
        parts = {"images": images, "labels": labels, weight_key: weights}
        return {key: parts.get(key, value) for key, value in inputs.items()}

    return Sample(inputs["images"], inputs.get("labels"), inputs.get(weight_key), pack)


def _batched(owner: object, sample: Sample) -> Sample:
    if tf.nest.is_nested(sample.images):
        refuse(owner, "inputs", "hold one tensor of images", f"a {type(sample.images).__name__}")
    if isinstance(sample.images, tf.RaggedTensor):
        refuse(
            owner,
            "inputs",
            "be dense images, or single ones of any size",
            "a RaggedTensor",
            "Map the layer before `batch`.",
        )
    images = tf.convert_to_tensor(sample.images)
    rank = images.shape.rank
    if rank not in (3, 4):
        refuse(
            owner,
            "inputs",
            "be images of shape (height, width, channels) or (batch, height, width, channels)",
            "a tensor of unknown rank" if rank is None else f"shape {tuple(images.shape)}",
            "Give decoded images a shape with `set_shape`." if rank is None else "",
        )
    if images.shape[-1] is None:
        refuse(owner, "inputs", "have a known number of channels", f"shape {tuple(images.shape)}")
    if not (images.dtype.is_floating or images.dtype.is_integer):
        refuse(owner, "inputs", "be uint8 or floating images", images.dtype.name)
    images = images[None] if rank == 3 else images
    return replace(sample, images=images, single=rank == 3)
