"""Mixup."""

from __future__ import annotations

from typing import Any

from keras_trainkit._core import arguments
from keras_trainkit._core.lazy import tf
from keras_trainkit._core.registration import register
from keras_trainkit.layers.augmentation.kinds import Mix


@register
class MixUp(Mix):
    """Blends each image with another of its batch: l x_i + (1 - l) x_j, l ~ Beta(alpha, alpha).

    Labels and sample weights are blended alike.  Images become float32, and integer labels
    one-hot rows, at evaluation too.  A batch of one mixes with itself.  Bounding boxes are followed
    by the partner's; segmentation masks cannot be blended and are refused.

    Args:
        alpha: Above 0; the smaller, the closer l is to 0 or 1. Default 0.2.
        num_classes: The number of classes; needed where labels are integers.
        per: `"image"`, an l for each image (the default), or `"batch"`, one for all, as in the
            paper's code.
        p: As in `Operation`.
        **kwargs: As in `Augmentation`.

    Raises:
        ValueError: for an alpha that is not above 0; at the first call, for integer labels
            without `num_classes`, or a single image.

    Example:

    >>> import numpy as np
    >>> from keras_trainkit import layers
    >>> images, labels = np.zeros((4, 8, 8, 3), "uint8"), np.array([0, 1, 2, 1])
    >>> mixed, soft = layers.MixUp(0.2, num_classes=3)(images, labels)
    >>> mixed.dtype, soft.shape
    (tf.float32, TensorShape([4, 3]))

    Source: Zhang et al. 2018, "mixup: Beyond empirical risk minimization", equation 2.
    """

    gives_float = True

    def __init__(
        self,
        alpha: float = 0.2,
        num_classes: int | None = None,
        per: str = "image",
        **kwargs: Any,
    ) -> None:
        super().__init__(num_classes=num_classes, **kwargs)
        self.alpha = arguments.number(self, "alpha", alpha, above=0)
        self.per = arguments.one_of(self, "per", per, ("image", "batch"))

    def sample(self, draw: Any) -> dict[str, Any]:
        """The partners and the images' own shares."""
        share = draw.beta("share", self.alpha)
        if self.per == "batch":
            share = tf.repeat(share[:1], tf.shape(share)[0])
        return {"partner": draw.permutation("partner"), "share": share}

    def apply(self, images: Any, partner: Any, share: Any) -> tuple[Any, Any]:
        """The blend."""
        images = tf.cast(images, tf.float32)
        other = tf.gather(images, partner)
        return images + (1.0 - share)[:, None, None, None] * (other - images), share
