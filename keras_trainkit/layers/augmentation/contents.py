"""What passes move: images, and what lies over them."""

from __future__ import annotations

from typing import Any, NamedTuple

from keras_trainkit.layers.augmentation.algebra.resampling import image_size
from keras_trainkit.layers.augmentation.bounding_boxes import BoundingBoxes


class Contents(NamedTuple):
    """Images with their masks and boxes, a nest of tensors; `()` is what was not given.

    Attributes:
        images: (n, h, w, c).
        masks: Class ids, (n, h, w, c).
        boxes: The user's tensors, or the `BoundingBoxes` that `read` makes of them.
    """

    images: Any
    masks: Any = ()
    boxes: Any = ()

    def read(self, box_format: str | None) -> Contents:
        """With the boxes in pixels."""
        if box_format is None or self.boxes == ():
            return self
        size = image_size(self.images)
        return self._replace(boxes=BoundingBoxes.read(self.boxes, box_format, size))

    def write(self, box_format: str | None) -> Contents:
        """With the boxes as they were given."""
        if box_format is None or self.boxes == ():
            return self
        return self._replace(boxes=self.boxes.write(box_format, image_size(self.images)))

    def after(self, step: Any, drawn: Any) -> Contents:
        """What a pass makes of them."""
        before = image_size(self.images)
        images, masks, boxes = step(self.images, drawn), self.masks, self.boxes
        if not isinstance(masks, tuple):
            masks = step.move_masks(masks, drawn)
        if isinstance(boxes, BoundingBoxes):
            boxes = boxes.move(lambda p: step.move_points(p, before, drawn), image_size(images))
        return Contents(images, masks, boxes)

    def mixed(self, step: Any, drawn: Any) -> tuple[Contents, Any, Any]:
        """What a mix makes of them, each image's partner, and its own share of the labels."""
        images, partner, share = step(self.images, drawn)
        masks, boxes = self.masks, self.boxes
        if not isinstance(masks, tuple):
            masks = step.move_masks(masks, drawn)
        if isinstance(boxes, BoundingBoxes):
            boxes = step.join_boxes(boxes, image_size(images), drawn)
        return Contents(images, masks, boxes), partner, share
