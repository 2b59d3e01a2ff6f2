"""The bounding boxes of a batch, on their way through a plan."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from keras_trainkit._core.lazy import tf
from keras_trainkit.layers.augmentation.algebra import bounding_boxes as algebra
from keras_trainkit.layers.augmentation.algebra.coordinates import Size


class BoundingBoxes(NamedTuple):
    """Boxes in pixels, beside the tensors that they were given in.

    Attributes:
        edges: (n, k, 4), inside their image; see `algebra.bounding_boxes`.
        shown: (n, k) bool, False for padding and for what has left the image.
        given: The user's tensors by key, `"boxes"` and `"labels"` among them, all (n, k, ...).
    """

    edges: Any
    shown: Any
    given: dict[str, Any]

    @classmethod
    def read(cls, given: dict[str, Any], box_format: str, size: Size) -> BoundingBoxes:
        """The boxes of images of this size."""
        edges = algebra.read(given["boxes"], box_format, size)
        edges = algebra.within(edges, algebra.whole(size))
        return cls(edges, algebra.has_area(edges) & ~_padding(given["labels"]), given)

    def write(self, box_format: str, size: Size) -> dict[str, Any]:
        """The user's tensors, with the boxes where they are now, and -1 for what is not shown."""
        boxes, labels = self.given["boxes"], self.given["labels"]
        written = algebra.write(self.edges, box_format, size)
        return {
            **self.given,
            "boxes": tf.where(_padding(labels)[..., None], boxes, written),
            "labels": tf.where(_like(self.shown, labels), labels, tf.cast(-1, labels.dtype)),
        }

    def move(self, follow: Callable[[Any], Any], size: Size) -> BoundingBoxes:
        """The boxes after a move of their points, into images of `size`."""
        edges = algebra.round_outlines(follow(algebra.outline(self.edges)))
        edges = tf.ensure_shape(edges, self.edges.shape)
        edges = algebra.within(edges, algebra.whole(size))
        return self._replace(edges=edges, shown=self.shown & algebra.has_area(edges))

    def join(self, partner: Any, own: Any, theirs: Any) -> BoundingBoxes:
        """Each image's boxes, followed by those of its partner in the batch.

        Args:
            partner: (n,) int32; of an image that is its own partner the second half is padding.
            own: (n, k, 4), the edges of the image's own boxes now.
            theirs: (n, k, 4), those of its partner's.
        """
        alone = (partner == tf.range(tf.shape(partner)[0]))[:, None]
        own = tf.where(alone[..., None], self.edges, own)
        shown = [
            self.shown & algebra.has_area(own),
            tf.gather(self.shown, partner) & algebra.has_area(theirs) & ~alone,
        ]
        given = {
            key: tf.concat([values, tf.gather(values, partner)], 1)
            for key, values in self.given.items()
        }
        return BoundingBoxes(tf.concat([own, theirs], 1), tf.concat(shown, 1), given)


def _padding(labels: Any) -> Any:
    """(n, k) bool, True where a label is -1, all along its classes if it has several."""
    return tf.reduce_all(labels == -1, list(range(2, labels.shape.rank)))


def _like(flags: Any, values: Any) -> Any:
    """(n, k) flags with the rank of (n, k, ...) values."""
    return tf.reshape(flags, tf.concat([tf.shape(flags), [1] * (values.shape.rank - 2)], 0))
