"""Images and labels in three parts, and the draw that parts them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Part = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False, repr=False)
class Splits:
    """Images and labels for training, for choosing among models, and for the one last test.

    Each part is a pair that goes straight into `model.fit(*splits.train)` or
    `tf.data.Dataset.from_tensor_slices(splits.train)`.

    Args:
        train: `(images, labels)`: `uint8` of shape `(n, height, width, 3)`, and `int64` of shape
            `(n,)`, counting from 0 in the order of `class_names`.
        validation: The same, to choose hyperparameters and snapshots by.
        test: The same, to look at once, at the end.
        class_names: The classes' names, a tuple of strings.

    Example:

    >>> import numpy as np
    >>> part = np.zeros((4, 8, 8, 3), "uint8"), np.zeros(4, "int64")
    >>> Splits(train=part, validation=part, test=part, class_names=("cat", "dog"))
    Splits(train=4, validation=4, test=4 images of 8x8x3 in 2 classes)
    """

    train: Part
    validation: Part
    test: Part
    class_names: tuple[str, ...]

    def __repr__(self) -> str:
        parts = ("train", "validation", "test")
        counts = ", ".join(f"{part}={len(getattr(self, part)[1])}" for part in parts)
        shape = "x".join(str(side) for side in self.train[0].shape[1:])
        return f"Splits({counts} images of {shape} in {len(self.class_names)} classes)"


def stratified(
    owner: str,
    labels: np.ndarray,
    class_names: Sequence[str],
    shares: Sequence[float],
    generator: np.random.Generator,
) -> list[np.ndarray]:
    """Parts the indices of `labels` at random, every class by the same shares.

    Of a class of n members each share takes `round(share * n)`, and at least one; the first part
    keeps the rest.

    Args:
        owner: The function whose argument the data are, for the refusal.
        labels: Class ids, of shape `(n,)`.
        class_names: The name of each id, for the refusal.
        shares: Those of the second part, the third, and so on; below 1 in sum.
        generator: Where the draw comes from.

    Returns:
        The first part's indices, then those of each share, all in random order.

    Raises:
        ValueError: If a class is too small to stand in every part.
    """
    parts: list[list[np.ndarray]] = [[] for _ in range(1 + len(shares))]
    for label in np.unique(labels):
        members = generator.permutation(np.flatnonzero(labels == label))
        counts = [max(1, round(share * len(members))) for share in shares]
        counts = [len(members) - sum(counts), *counts]
        if counts[0] < 1:
            raise ValueError(
                f"`{owner}`: the class {class_names[label]!r} has {len(members)} images, too few "
                f"to stand in {len(parts)} parts."
            )
        for part, piece in zip(parts, np.split(members, np.cumsum(counts)[:-1]), strict=True):
            part.append(piece)
    return [generator.permutation(np.concatenate(part)) for part in parts]
