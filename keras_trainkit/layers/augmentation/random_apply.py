"""Several augmentations under one coin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras_trainkit._core import arguments
from keras_trainkit._core.arguments import refuse
from keras_trainkit._core.registration import register
from keras_trainkit.layers.augmentation.gates import Gate, Gated
from keras_trainkit.layers.augmentation.group import Group


@register
class RandomApply(Group):
    """Applies its layers, all of them or none, by one coin for each image.

    In a `Pipeline` its operations share passes with their neighbours as if they stood there
    themselves.

    Args:
        layers: A sequence of this package's augmentations, but for those that also act where
            chance is off (`Normalization`, sized crops).
        p: The probability of applying them. Default 1/2.
        **kwargs: As in `Augmentation`.

    Raises:
        ValueError: for layers that are not taken, or a p outside [0, 1].

    Example:

    >>> import numpy as np
    >>> from keras_trainkit import layers
    >>> jitter = layers.RandomApply([layers.RandomBrightness(0.2), layers.RandomContrast(0.2)])
    >>> jitter(np.zeros((4, 8, 8, 3), "uint8")).shape
    TensorShape([4, 8, 8, 3])

    Source: SimCLR's colour distortion applies a jitter so: Chen et al. 2020, "A simple framework
    for contrastive learning of visual representations", appendix A.
    """

    def __init__(self, layers: Sequence[Any], p: float = 0.5, **kwargs: Any) -> None:
        super().__init__(layers, **kwargs)
        self.p = arguments.probability(self, "p", p)
        for member in self.members():
            refuse_certain(self, member)

    def operations(self) -> tuple[Any, ...]:
        """The operations, behind one gate."""
        gate = Gate("RandomApply", lambda draw: (draw.coin("applied", self.p),))
        return tuple(Gated(op, gate, 0, self.p) for member in self.members() for op in member)


def refuse_certain(owner: Group, operations: Sequence[Any]) -> None:
    """Refuses what acts on an image that the gate leaves alone."""
    for op in operations:
        if op.always and not op.optional:
            rule = "hold no operation that also acts where chance is off"
            refuse(owner, "layers", rule, op.title, f"Put {op.title} beside it in a Pipeline.")
