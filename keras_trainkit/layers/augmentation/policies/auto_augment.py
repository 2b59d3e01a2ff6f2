"""Sub-policies that were learned, one an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_trainkit._core import arguments
from keras_trainkit._core.arguments import refuse
from keras_trainkit._core.lazy import tf
from keras_trainkit._core.registration import register
from keras_trainkit.layers.augmentation.algebra.coordinates import pixel
from keras_trainkit.layers.augmentation.kinds import Policy
from keras_trainkit.layers.augmentation.policies import spaces
from keras_trainkit.layers.augmentation.policies.published import POLICIES, Step
from keras_trainkit.layers.augmentation.runs.policies import OPERATIONS

_BINS = 10


@register
class AutoAugment(Policy):
    """Applies one sub-policy, drawn for each image: operations in a row, each by its own chance.

    A magnitude's bin b is the fraction b / 9 of: 30 degrees, a shear of 0.3, 150/331 of the side,
    a factor 0.9 away from 1, posterize from 8 to 4 bits, solarize from level 255 down to 0; with a
    random sign but for the last two. Operations act on 256 levels in Pillow's meaning, geometry
    with the layer's `interpolation` and border.

    Args:
        policy: `"imagenet"` (the default), `"cifar10"` or `"svhn"`, of 25 sub-policies of two
            operations each; or sub-policies of your own, a sequence of sequences of (operation,
            probability, bin), the bin a whole number from 0 to 9, or None for AutoContrast,
            Equalize and Invert, which have no magnitude. The operations: ShearX, ShearY,
            TranslateX, TranslateY, Rotate, Color, Sharpness, Brightness, Contrast, Invert,
            Posterize, Solarize, AutoContrast, Equalize.
        p: As in `Operation`.
        **kwargs: As in `Augmentation`.

    Raises:
        ValueError: for a policy that is none; at the first call, for images of other than 1 or 3
            channels.

    Example:

    >>> import numpy as np
    >>> from keras_trainkit import layers
    >>> layers.AutoAugment("cifar10")(np.zeros((2, 8, 8, 3), "uint8")).shape
    TensorShape([2, 8, 8, 3])
    >>> own = layers.AutoAugment([[("Rotate", 0.7, 2), ("Invert", 0.1, None)]])

    Source: Cubuk, Zoph, Mane, Vasudevan & Le 2019, "AutoAugment: Learning augmentation policies
    from data".
    """

    def __init__(self, policy: str | Sequence[Sequence[Step]] = "imagenet", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(policy, str):
            self.policy: Any = arguments.one_of(self, "policy", policy, tuple(sorted(POLICIES)))
            chosen = POLICIES[policy]
        else:
            self.policy = chosen = self._checked(policy)
        self._slots = max(len(steps) for steps in chosen)
        shape = (len(chosen), self._slots)
        # a sub-policy that ends early goes on with the identity, place 0
        self._places = np.zeros(shape, np.int32)
        self._probabilities = np.zeros(shape, np.float32)
        self._fractions = np.zeros(shape, np.float32)
        for row, steps in enumerate(chosen):
            for slot, (name, probability, level) in enumerate(steps):
                self._places[row, slot] = OPERATIONS.index(name)
                self._probabilities[row, slot] = probability
                self._fractions[row, slot] = (level or 0) / (_BINS - 1)

    def sample(self, draw: Any) -> dict[str, Any]:
        """The sub-policy and, for each of its slots, whether it acts and with which sign."""
        sub_policy = pixel(draw.uniform("sub_policy"), len(self._places))
        probabilities = tf.gather(tf.constant(self._probabilities), sub_policy)
        drawn: dict[str, Any] = {"sub_policy": sub_policy}
        for slot in range(self._slots):
            within = draw.within(f"slot_{slot}")
            drawn[f"slot_{slot}"] = {
                "acts": within.coin("acts", probabilities[:, slot]),
                "sign": within.sign("sign"),
            }
        return drawn

    def element(self, size: Any, sub_policy: Any, **slots: dict[str, Any]) -> Any:
        """A step a slot."""
        acts, signs = (
            tf.stack([slots[f"slot_{slot}"][name] for slot in range(self._slots)], axis=1)
            for name in ("acts", "sign")
        )
        places, fractions = (
            tf.gather(tf.constant(table), sub_policy) for table in (self._places, self._fractions)
        )
        return spaces.AUTO_AUGMENT.steps(size, tf.where(acts, places, 0), fractions, signs)

    def _checked(self, policy: Any) -> tuple[tuple[Step, ...], ...]:
        rule = "be 'cifar10', 'imagenet', 'svhn' or sub-policies of (operation, probability, bin)"
        try:
            checked = tuple(tuple((*step,) for step in steps) for steps in policy)
        except TypeError:
            refuse(self, "policy", rule, policy)
        if not checked or not all(checked):
            refuse(self, "policy", "hold sub-policies of at least one operation", policy)
        return tuple(tuple(self._step(rule, step) for step in steps) for steps in checked)

    def _step(self, rule: str, step: Any) -> Step:
        if len(step) != 3:
            refuse(self, "policy", rule, step)
        name, probability, level = step
        arguments.one_of(self, "policy", name, OPERATIONS)
        if spaces.AUTO_AUGMENT.takes_amount(name):
            level = arguments.integer(self, "policy", level, 0)
            if level >= _BINS:
                refuse(self, "policy", f"have bins below {_BINS}", step)
        elif level is not None:
            refuse(self, "policy", f"have the bin None for {name}", step)
        return name, arguments.probability(self, "policy", probability), level
