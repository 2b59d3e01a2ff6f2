"""What `Dataset.map` and Keras hand over: images alone, (x, y), (x, y, w) or a dictionary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import keras

from keras_trainkit._core.arguments import refuse
from keras_trainkit._core.lazy import tf

_WEIGHT_KEYS = ("sample_weights", "sample_weight")
_MASKS, _BOXES = "segmentation_masks", "bounding_boxes"


@dataclass(frozen=True)
class Sample:
    """One element, taken apart.

    Attributes:
        images: (n, h, w, c), or (h, w, c) until `batched`; a RaggedTensor where sizes differ.
        labels: A tensor or a nest of tensors, or None.
        weights: Sample weights, or None.
        pack: Puts a sample's contents back into the structure that this one came in.
        masks: Segmentation masks of class ids, (n, h, w, c), or None.
        boxes: Tensors (n, k, ...) by key, `"boxes"` and `"labels"` among them, or None.
        single: Whether the images came as one image.
        flat_masks: Whether the masks came without an axis for channels.
    """

    images: Any
    labels: Any
    weights: Any
    pack: Callable[[Sample], Any]
    masks: Any = None
    boxes: Any = None
    single: bool = False
    flat_masks: bool = False

    @property
    def rows(self) -> Any:
        """The number of images."""
        return self.images.nrows(tf.int32) if self.ragged else tf.shape(self.images)[0]

    @property
    def ragged(self) -> bool:
        """Whether the images differ in size."""
        return isinstance(self.images, tf.RaggedTensor)


def unpack(owner: object, inputs: Any) -> Sample:
    """Takes `inputs` apart and adds the batch axis where there is none."""
    if isinstance(inputs, dict):
        sample = _from_dict(owner, inputs)
    elif isinstance(inputs, tuple | list):
        sample = _from_tuple(owner, tuple(inputs))
    else:
        sample = Sample(inputs, None, None, lambda sample: sample.images)
    sample = _batched(owner, sample)
    if sample.masks is not None:
        sample = _with_masks(owner, sample)
    if sample.boxes is not None:
        sample = _with_boxes(owner, sample)
    return sample


def pack(sample: Sample) -> Any:
    """The structure that `unpack` took apart, with the sample's present contents."""
    images, masks, boxes = sample.images, sample.masks, sample.boxes
    if sample.flat_masks:
        masks = masks[..., 0]
    if sample.single:
        images = images[0]
        masks = masks if masks is None else masks[0]
        boxes = boxes if boxes is None else {key: values[0] for key, values in boxes.items()}
    return sample.pack(replace(sample, images=images, masks=masks, boxes=boxes))


def refuse_symbolic(owner: object, inputs: Any, inside: bool, cure: str) -> None:
    """Refuses what has no values, where Keras does not run on TensorFlow; so too if `inside`."""
    leaves = keras.tree.flatten(inputs)
    if inside or any(isinstance(leaf, keras.KerasTensor) for leaf in leaves):
        rule = "be eager images where Keras runs on another backend than TensorFlow"
        refuse(owner, "inputs", rule, "a symbolic tensor", cure)


def as_tensor(values: Any) -> Any:
    """A tensor of the values, or the RaggedTensor that they are."""
    return values if isinstance(values, tf.RaggedTensor) else tf.convert_to_tensor(values)


def _from_tuple(owner: object, inputs: tuple[Any, ...]) -> Sample:
    if not 1 <= len(inputs) <= 3:
        refuse(owner, "inputs", "be images, (x, y) or (x, y, sample_weight)", inputs)
    images, labels, weights = (*inputs, None, None)[:3]
    count = len(inputs)

    def pack(sample: Sample) -> tuple[Any, ...]:
        return (sample.images, sample.labels, sample.weights)[:count]

    return Sample(images, labels, weights, pack)


def _from_dict(owner: object, inputs: dict[str, Any]) -> Sample:
    if "images" not in inputs:
        refuse(owner, "inputs", "have the key 'images'", sorted(inputs))
    weight_key = next((key for key in _WEIGHT_KEYS if key in inputs), _WEIGHT_KEYS[0])

    def pack(sample: Sample) -> dict[str, Any]:
        parts = {
            "images": sample.images,
            "labels": sample.labels,
            weight_key: sample.weights,
            _MASKS: sample.masks,
            _BOXES: sample.boxes,
        }
        return {key: parts.get(key, value) for key, value in inputs.items()}

    images, labels, weights = inputs["images"], inputs.get("labels"), inputs.get(weight_key)
    return Sample(images, labels, weights, pack, inputs.get(_MASKS), inputs.get(_BOXES))


def _batched(owner: object, sample: Sample) -> Sample:
    if tf.nest.is_nested(sample.images):
        refuse(owner, "inputs", "hold one tensor of images", f"a {type(sample.images).__name__}")
    images = as_tensor(sample.images)
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
    if rank == 3 and isinstance(images, tf.RaggedTensor):
        images = images.to_tensor()
    images = images[None] if rank == 3 else images
    return replace(sample, images=images, single=rank == 3)


def _with_masks(owner: object, sample: Sample) -> Sample:
    masks = as_tensor(sample.masks)
    rank = masks.shape.rank
    if not (masks.dtype.is_floating or masks.dtype.is_integer):
        refuse(owner, _MASKS, "be class ids, integer or floating", masks.dtype.name)
    masks = masks[None] if sample.single else masks
    flat = rank == (2 if sample.single else 3)
    masks = masks[..., None] if flat else masks
    size = sample.images.shape[:3]
    if masks.shape.rank != 4 or not size.is_compatible_with(masks.shape[:3]):
        rule = f"have the height and the width of their images, {tuple(size[1:])}"
        refuse(owner, _MASKS, rule, f"shape {tuple(masks.shape)}")
    if sample.ragged != isinstance(masks, tf.RaggedTensor):
        refuse(owner, _MASKS, "be ragged where their images are", f"a {type(masks).__name__}")
    return replace(sample, masks=masks, flat_masks=flat)


def _with_boxes(owner: object, sample: Sample) -> Sample:
    given = sample.boxes
    if not isinstance(given, dict) or not {"boxes", "labels"} <= set(given):
        keys = sorted(given) if isinstance(given, dict) else type(given).__name__
        refuse(owner, _BOXES, "be a dictionary with the keys 'boxes' and 'labels'", keys)
    # as Keras does: ragged boxes become dense ones, padded by boxes of 0 with the label -1
    boxes = {
        key: _dense(as_tensor(values), -1 if key == "labels" else 0)
        for key, values in given.items()
    }
    if not (boxes["labels"].dtype.is_floating or boxes["labels"].dtype.is_integer):
        refuse(owner, _BOXES, "have numbers as labels", boxes["labels"].dtype.name)
    if boxes["labels"].dtype.is_unsigned:
        rule = "have labels of a signed dtype, since -1 marks an empty box"
        refuse(owner, _BOXES, rule, boxes["labels"].dtype.name)
    boxes["boxes"] = tf.cast(boxes["boxes"], tf.float32)
    if sample.single:
        boxes = {key: values[None] for key, values in boxes.items()}
    shape = boxes["boxes"].shape
    fits = shape.rank == 3 and shape[2] in (4, None)
    fits = fits and shape[:1].is_compatible_with(sample.images.shape[:1])
    for values in boxes.values():
        fits = fits and values.shape.rank >= 2 and values.shape[:2].is_compatible_with(shape[:2])
    if not fits:
        shapes = {key: tuple(values.shape) for key, values in boxes.items()}
        refuse(owner, _BOXES, "have the shapes (n, k, 4) and, for other keys, (n, k, ...)", shapes)
    boxes["boxes"] = tf.ensure_shape(boxes["boxes"], [*shape[:2], 4])
    return replace(sample, boxes=boxes)


def _dense(values: Any, default: int) -> Any:
    if not isinstance(values, tf.RaggedTensor):
        return values
    return values.to_tensor(tf.cast(default, values.dtype))
