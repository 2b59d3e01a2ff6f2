"""Chains of a policy's operations, mixed with the image."""

from __future__ import annotations

from typing import Any

from keras_trainkit._core.arguments import refuse
from keras_trainkit._core.lazy import tf
from keras_trainkit.layers.augmentation.algebra import resampling
from keras_trainkit.layers.augmentation.algebra.coordinates import Size
from keras_trainkit.layers.augmentation.runs.base import Parameters
from keras_trainkit.layers.augmentation.runs.policies import PolicyRun


class ChainsRun(PolicyRun):
    """The mean, by share, of each image and of several chains of steps that start from it."""

    label = "chains of a policy, mixed, image by image"

    def move_masks(self, masks: Any, parameters: Parameters) -> Any:
        """Refuses: a mixture of places has no mask."""
        self._refuse("segmentation masks")

    def move_points(self, points: Any, size: Size, parameters: Parameters) -> Any:
        """Refuses: a mixture of places has no points."""
        self._refuse("bounding boxes")

    def _refuse(self, what: str) -> None:
        rule = "hold no masks or boxes, which cannot follow a mixture of moves"
        refuse(self.operation.title, "inputs", rule, what, "Take another policy.")

    def _images(self, images: Any, parameters: Parameters) -> Any:
        (drawn,) = parameters
        steps = self._steps(resampling.image_size(images), parameters)
        shares = self.operation.shares(**{k: v for k, v in drawn.items() if k != "applied"})
        return self._each(self._mixed, images, steps, shares)

    def _mixed(self, image: Any, steps: Any, shares: Any) -> Any:
        image = tf.cast(image, tf.float32)
        levels = self._levels(image)

        def add(index: Any, total: Any) -> Any:
            chain = self._values(self._chain(levels, tf.gather(steps, index)))
            return index + 1, total + tf.gather(shares, index + 1) * chain

        chains = steps.shape[0]
        return tf.while_loop(lambda index, _: index < chains, add, (0, shares[0] * image))[1]
