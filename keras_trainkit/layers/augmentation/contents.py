"""What passes move: images, and what lies over them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

from keras_trainkit._core.lazy import tf
from keras_trainkit.layers.augmentation.algebra.resampling import image_size
from keras_trainkit.layers.augmentation.bounding_boxes import BoundingBoxes
from keras_trainkit.layers.augmentation.structures import Sample


class Contents(NamedTuple):
    """Images with their masks and boxes: a nest of tensors.

    Attributes:
        images: (n, h, w, c).
        masks: Class ids, (n, h, w, c): one tensor, or none.
        boxes: The user's tensors by key, or the `BoundingBoxes` of them: one, or none.
    """

    images: Any
    masks: tuple[Any, ...]
    boxes: tuple[Any, ...]

    @classmethod
    def of(cls, sample: Sample, moves: bool) -> Contents:
        """The contents of a sample, without its boxes where nothing `moves`."""
        masks, boxes = (() if x is None else (x,) for x in (sample.masks, sample.boxes))
        return cls(sample.images, masks, boxes if moves else ())

    def put_into(self, sample: Sample) -> Sample:
        """The sample with these contents."""
        for masks in self.masks:
            sample = replace(sample, masks=masks)
        for boxes in self.boxes:
            sample = replace(sample, boxes=boxes)
        return replace(sample, images=self.images)

    def read(self, owner: object, box_format: Any) -> Contents:
        """With masks known to be of the images' size, and with boxes in pixels."""
        size = image_size(self.images)
        masks = tuple(_fitting(owner, masks, self.images) for masks in self.masks)
        boxes = tuple(BoundingBoxes.read(given, box_format, size) for given in self.boxes)
        return Contents(self.images, masks, boxes)

    def write(self, box_format: Any) -> Contents:
        """With boxes as they were given."""
        size = image_size(self.images)
        return self._replace(boxes=tuple(boxes.write(box_format, size) for boxes in self.boxes))

    def after(self, step: Any, drawn: Any, dtype: Any = None) -> Contents:
        """What a pass makes of them, the images in `dtype` if one is given."""
        before, images = image_size(self.images), step(self.images, drawn, dtype)
        masks = tuple(step.move_masks(masks, drawn) for masks in self.masks)

        def follow(points: Any) -> Any:
            return step.move_points(points, before, drawn)

        boxes = tuple(boxes.move(follow, image_size(images)) for boxes in self.boxes)
        return Contents(images, masks, boxes)

    def mixed(self, step: Any, drawn: Any, dtype: Any) -> tuple[Contents, Any, Any]:
        """What a mix makes of them, each image's partner, and its own share of the labels."""
        images, partner, share = step(self.images, drawn, dtype)
        masks = tuple(step.move_masks(masks, drawn) for masks in self.masks)
        size = image_size(images)
        boxes = tuple(boxes.join(*step.seen(boxes.edges, size, drawn)) for boxes in self.boxes)
        return Contents(images, masks, boxes), partner, share


def _fitting(owner: object, masks: Any, images: Any) -> Any:
    message = f"`{type(owner).__name__}`: `segmentation_masks` must have the size of their images."
    check = tf.debugging.assert_equal(tf.shape(masks)[:3], tf.shape(images)[:3], message=message)
    with tf.control_dependencies([] if check is None else [check]):
        return tf.ensure_shape(masks, [*images.shape[:3], masks.shape[3]])
