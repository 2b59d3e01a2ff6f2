"""Chains of operations, mixed with the image that they started from."""

from __future__ import annotations

from typing import Any

from keras_trainkit._core import arguments
from keras_trainkit._core.lazy import tf
from keras_trainkit._core.registration import register
from keras_trainkit.layers.augmentation.algebra.coordinates import pixel
from keras_trainkit.layers.augmentation.kinds import Policy
from keras_trainkit.layers.augmentation.policies import spaces
from keras_trainkit.layers.augmentation.runs.chains import ChainsRun


@register
class AugMix(Policy):
    """Mixes `num_chains` chains of one to `chain_depth` operations with the image itself.

    result = m image + (1 - m) sum_i w_i chain_i(image), (w_1, w_2, ...) uniform on the simplex
    (Dirichlet(1, ..., 1)), m uniform on [0, 1] (Beta(1, 1)). A chain's length is uniform; its
    operations are drawn with replacement, for every image anew: AutoContrast, Equalize, Posterize,
    Rotate, Solarize, ShearX, ShearY, TranslateX, TranslateY. Each goes as far as its own fraction
    f, uniform in [0.01, factor], of: 30 degrees, a shear of 0.3, a third of the side, posterize to
    4 - int(4 f) bits, solarize from level 256 (1 - f); with a random sign but for the last two.

    Departs from Keras' layer of this name, which draws once for the batch, takes `all_ops` by
    default and lets a chain be empty; and from the authors' code, which cuts degrees and pixels
    off to whole numbers. There is no `alpha`: it is 1, as in all of the paper's experiments.
    Segmentation masks and boxes cannot follow a mix, and are refused.

    Args:
        num_chains: How many chains. Default 3.
        chain_depth: The most operations in a chain. Default 3.
        factor: The largest fraction, in [0.01, 1]; the paper's severity is ten times it.
            Default 0.3.
        all_ops: Whether Color, Contrast, Brightness and Sharpness, a factor 0.9 f away from 1, are
            drawn too; the paper leaves them out, since they come near the corruptions of its test
            sets. Default False.
        p: As in `Operation`.
        **kwargs: As in `Augmentation`.

    Raises:
        ValueError: for numbers below 1 or a factor outside [0.01, 1]; at the first call, for
            images of other than 1 or 3 channels, and for masks and boxes.

    Example:

    >>> import numpy as np
    >>> from keras_trainkit import layers
    >>> layers.AugMix(factor=0.5)(np.zeros((2, 8, 8, 3), "uint8")).shape
    TensorShape([2, 8, 8, 3])

    Source: Hendrycks et al. 2020, "AugMix: A simple data processing method to improve robustness
    and uncertainty".
    """

    run = ChainsRun

    def __init__(
        self,
        num_chains: int = 3,
        chain_depth: int = 3,
        factor: float = 0.3,
        all_ops: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_chains = arguments.integer(self, "num_chains", num_chains, 1)
        self.chain_depth = arguments.integer(self, "chain_depth", chain_depth, 1)
        self.factor = arguments.number(self, "factor", factor, minimum=0.01, maximum=1)
        self.all_ops = arguments.boolean(self, "all_ops", all_ops)
        self._choices = spaces.THIRTEEN if self.all_ops else spaces.NINE

    def sample(self, draw: Any) -> dict[str, Any]:
        """The image's share, and of each chain its share, its length and its operations."""
        chains = [draw.within(f"chain_{chain}") for chain in range(self.num_chains)]
        # exponential numbers, divided by their sum, are uniform on the simplex
        waits = tf.stack([-tf.math.log(1.0 - each.uniform("share")) for each in chains], axis=1)
        waits = tf.maximum(waits, 1e-9)  # so that the sum is never 0
        shares = waits / tf.reduce_sum(waits, axis=1, keepdims=True)
        drawn: dict[str, Any] = {"share": draw.uniform("share")}
        for index, within in enumerate(chains):
            drawn[f"chain_{index}"] = {
                "share": shares[:, index],
                "length": 1 + pixel(within.uniform("length"), self.chain_depth),
                **self._slots(within),
            }
        return drawn

    def _slots(self, draw: Any) -> dict[str, Any]:
        count = len(self._choices)
        slots = {}
        for slot in range(self.chain_depth):
            within = draw.within(f"slot_{slot}")
            slots[f"slot_{slot}"] = {
                "operation": pixel(within.uniform("operation"), count),
                "magnitude": within.uniform("magnitude", 0.01, self.factor),
                "sign": within.sign("sign"),
            }
        return slots

    def element(self, size: Any, share: Any, **chains: dict[str, Any]) -> Any:
        """A step a slot, (n, chains, slots, 2)."""
        drawn = [chains[f"chain_{chain}"] for chain in range(self.num_chains)]
        operations, fractions, signs = (
            tf.stack(
                [
                    tf.stack([chain[f"slot_{s}"][name] for s in range(self.chain_depth)], axis=1)
                    for chain in drawn
                ],
                axis=1,
            )
            for name in ("operation", "magnitude", "sign")
        )
        lengths = tf.stack([chain["length"] for chain in drawn], axis=1)[:, :, None]
        places = tf.gather(tf.constant(self._choices), operations)
        places = tf.where(tf.range(self.chain_depth) < lengths, places, 0)
        return spaces.AUG_MIX.steps(size, places, fractions, signs)

    def shares(self, share: Any, **chains: dict[str, Any]) -> Any:
        """What goes into the mixture, (n, 1 + chains): of the image, then of each chain."""
        drawn = [chains[f"chain_{chain}"]["share"] for chain in range(self.num_chains)]
        return tf.stack([share, *((1.0 - share) * each for each in drawn)], axis=1)
