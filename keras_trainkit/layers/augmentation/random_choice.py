"""One of several augmentations."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

from keras_trainkit._core import arguments
from keras_trainkit._core.arguments import refuse
from keras_trainkit._core.registration import register
from keras_trainkit.layers.augmentation.chosen_mix import ChosenMix
from keras_trainkit.layers.augmentation.gates import Gate, Gated
from keras_trainkit.layers.augmentation.group import Group
from keras_trainkit.layers.augmentation.random_apply import refuse_certain
from keras_trainkit.layers.augmentation.runs.mixes import MixRun


@register
class RandomChoice(Group):
    """Applies one of its layers, which one each image draws for itself.

    A member may be a `Pipeline` of several. In a `Pipeline` the operations share passes with
    their neighbours: choosing among geometry, or among colours, costs no more than one of them.
    Of mixes, one is chosen for each batch.

    Args:
        layers: A sequence of this package's augmentations, but for those that also act where
            chance is off (`Normalization`, sized crops); all of them mixes, or none.
        probabilities: One for each layer, of any sum above 0; by default all are equal.
        **kwargs: As in `Augmentation`.

    Raises:
        ValueError: for layers that are not taken, or probabilities that are negative, all 0, or
            not as many as the layers.

    Example:

    >>> import numpy as np
    >>> from keras_trainkit import layers
    >>> turn = layers.RandomChoice([layers.RandomRotation(0.1), layers.RandomShear(0.2)])
    >>> turn(np.zeros((4, 8, 8, 3), "uint8")).shape
    TensorShape([4, 8, 8, 3])

    Source: the sub-policies of Cubuk et al. 2019, "AutoAugment: Learning augmentation policies
    from data", section 3, of which each image draws one.
    """

    def __init__(
        self,
        layers: Sequence[Any],
        probabilities: Sequence[float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(layers, **kwargs)
        self.probabilities = probabilities
        if probabilities is not None:
            numbers = arguments.numbers_of(self, "probabilities", probabilities, len(self.layers))
            if min(numbers) < 0 or not sum(numbers):
                refuse(self, "probabilities", "not be negative, nor all be 0", probabilities)
            self.probabilities = numbers
        branches = self.members()
        for branch in branches:
            refuse_certain(self, branch)
        if _mixes(branches):
            self._refuse_unlike_mixes(branches)

    def operations(self) -> tuple[Any, ...]:
        """Every branch's operations, behind one gate; or one mix that is any of them."""
        branches = self.members()
        if mixes := _mixes(branches):
            return (ChosenMix(mixes, self._open),)
        gate = Gate("RandomChoice", self._open)
        return tuple(
            Gated(op, gate, index, share)
            for index, (branch, share) in enumerate(zip(branches, self._shares, strict=True))
            for op in branch
        )

    def _refuse_unlike_mixes(self, branches: Sequence[Any]) -> None:
        titles = [op.title for branch in branches for op in branch]
        mixes = _mixes(branches)
        if len(mixes) != len(titles) or len(titles) != len(self.layers):
            refuse(self, "layers", "be all of them mixes, or none", titles)
        counts = [mix.num_classes for mix in mixes]
        if len(set(counts)) > 1:
            refuse(self, "layers", "mix labels of the same `num_classes`", counts)

    @property
    def _shares(self) -> list[float]:
        weights = self.probabilities or [1.0] * len(self.layers)
        return [weight / sum(weights) for weight in weights]

    def _open(self, draw: Any) -> tuple[Any, ...]:
        place = draw.uniform("choice")
        ends = [0.0, *accumulate(self._shares[:-1]), 1.0]
        return tuple((low <= place) & (place < high) for low, high in pairwise(ends))


def _mixes(branches: Sequence[Any]) -> list[Any]:
    return [op for branch in branches for op in branch if op.run is MixRun]
