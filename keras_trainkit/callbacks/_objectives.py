"""What a cross-entropy expects of labels and outputs, and what is wrong where they differ."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

_HALF_PRECISION = 0.05  # by how much a softmax over many classes may miss a sum of one
_MANY = 32  # how many outputs it takes to see of what kind they are


class Objective:
    """Any loss: nothing is known of its labels and outputs.

    Args:
        config: The loss object's config; empty for a function.
    """

    known = False
    additive = True  # whether a batch costs what its rows do, on average

    def __init__(self, config: dict[str, Any]) -> None:
        self.from_logits = bool(config.get("from_logits", False))
        self.ignore_class = config.get("ignore_class")
        self.summed = config.get("reduction") == "sum"

    def classes(self, outputs: np.ndarray) -> int:
        """The number of classes that the outputs tell apart."""
        return outputs.shape[-1]

    def shares(self, labels: np.ndarray, classes: int) -> np.ndarray:
        """The share of each class among the labels."""
        return np.full(classes, 1 / classes)

    def shape_fault(self, labels: tuple[int, ...], outputs: tuple[int, ...]) -> str:
        """Why labels of this shape cannot be right, in words; empty where they can."""
        return ""

    def labels_fault(self, labels: np.ndarray, classes: int) -> str:
        """Why these labels cannot be right, in words; empty where they can."""
        return ""

    def outputs_fault(self, outputs: np.ndarray) -> str:
        """Why these outputs cannot be right, in words; empty where they can."""
        return ""

    def certainty(self, outputs: np.ndarray) -> float:
        """The median over rows of the largest probability."""
        return 0.0

    def right(self, labels: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        """Which rows name the class of their label."""
        raise NotImplementedError


class Softmax(Objective):
    """`CategoricalCrossentropy`: rows of label shares, hard or soft."""

    known = True

    def shares(self, labels: np.ndarray, classes: int) -> np.ndarray:
        return labels.reshape(-1, classes).mean(0, dtype="float64")

    def shape_fault(self, labels: tuple[int, ...], outputs: tuple[int, ...]) -> str:
        if len(labels) > 1 and labels[-1] == outputs[-1]:
            return _unequal(labels, outputs)
        return (
            f"labels of shape {labels} are no rows of {outputs[-1]} shares (class numbers take "
            "the sparse cross-entropy)"
        )

    def labels_fault(self, labels: np.ndarray, classes: int) -> str:
        fault = self.shape_fault(labels.shape, (*labels.shape[:-1], classes))
        if fault:
            return fault
        sums = labels.sum(-1, dtype="float64").ravel()
        worst = sums[np.argmax(np.abs(sums - 1))]
        if abs(worst - 1) <= _HALF_PRECISION and np.all(labels >= 0):
            return ""
        return (
            f"a row of the labels sums to {worst:.3g}, not to one (several labels a row take "
            "sigmoids and a binary cross-entropy)"
        )

    def outputs_fault(self, outputs: np.ndarray) -> str:
        off = np.abs(outputs.sum(-1, dtype="float64") - 1)
        if self.from_logits and np.all(off < _HALF_PRECISION) and np.all(outputs >= 0):
            return "the outputs sum to one and the loss takes logits: softmax is taken twice"
        if not self.from_logits and (np.any(off > _HALF_PRECISION) or np.any(outputs < 0)):
            return (
                "the outputs do not sum to one: a softmax is missing at the end of the model, or "
                "from_logits=True in the loss"
            )
        return ""

    def certainty(self, outputs: np.ndarray) -> float:
        rows = outputs.reshape(-1, outputs.shape[-1]).astype("float64")
        if self.from_logits:
            rows = np.exp(rows - rows.max(-1, keepdims=True))
            rows /= rows.sum(-1, keepdims=True)
        return float(np.median(rows.max(-1)))

    def right(self, labels: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        return labels.argmax(-1).ravel() == outputs.argmax(-1).ravel()


class SparseSoftmax(Softmax):
    """`SparseCategoricalCrossentropy`: class numbers from 0."""

    def shares(self, labels: np.ndarray, classes: int) -> np.ndarray:
        counts = np.bincount(self._counted(labels), minlength=classes)
        return counts / max(counts.sum(), 1)

    def shape_fault(self, labels: tuple[int, ...], outputs: tuple[int, ...]) -> str:
        if labels == outputs and outputs[-1] > 1:
            return (
                f"labels of shape {labels} are no class numbers (one-hot rows take the categorical "
                "cross-entropy)"
            )
        if labels in (outputs[:-1], (*outputs[:-1], 1)):
            return ""
        return f"labels of shape {labels} are not one for each of outputs of shape {outputs}"

    def labels_fault(self, labels: np.ndarray, classes: int) -> str:
        if labels.dtype.kind not in "iub" and not np.all(np.isfinite(labels)):
            return "the labels hold values that are not finite"
        if np.any(labels != labels.astype("int64")):
            return "the labels are no whole numbers, so no class numbers"
        labels = self._counted(labels)
        low, high = labels.min(initial=classes), labels.max(initial=-1)
        if low >= 0 and high < classes:
            return ""
        cure = ": they are off by one" if (low, high) == (1, classes) else ""
        return (
            f"the labels run from {low} to {high} where {classes} outputs take 0 to "
            f"{classes - 1}{cure}"
        )

    def right(self, labels: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        labels = labels.ravel()
        right = labels == outputs.reshape(-1, outputs.shape[-1]).argmax(-1)
        return right[labels != self.ignore_class] if self.ignore_class is not None else right

    def _counted(self, labels: np.ndarray) -> np.ndarray:
        return labels[labels != self.ignore_class].astype("int64").ravel()


class Sigmoid(Objective):
    """`BinaryCrossentropy`: each output is a question of its own."""

    known = True

    def classes(self, outputs: np.ndarray) -> int:
        return 2

    def shares(self, labels: np.ndarray, classes: int) -> np.ndarray:
        positive = labels.mean(dtype="float64")
        return np.array([1 - positive, positive])

    def shape_fault(self, labels: tuple[int, ...], outputs: tuple[int, ...]) -> str:
        return _unequal(labels, outputs)

    def labels_fault(self, labels: np.ndarray, classes: int) -> str:
        if np.all((labels >= 0) & (labels <= 1)):
            return ""
        return f"the labels run from {labels.min()} to {labels.max()}, where 0 to 1 is meant"

    def outputs_fault(self, outputs: np.ndarray) -> str:
        if self.from_logits and are_probabilities(outputs):
            return "the outputs lie in 0 to 1 and the loss takes logits: sigmoid is taken twice"
        if self.from_logits or not (np.any(outputs < 0) or np.any(outputs > 1)):
            return ""
        return (
            "the outputs leave 0 to 1: a sigmoid is missing at the end of the model, or "
            "from_logits=True in the loss"
        )

    def certainty(self, outputs: np.ndarray) -> float:
        positive = outputs.astype("float64")
        if self.from_logits:
            positive = 1 / (1 + np.exp(-np.clip(positive, -700, 700)))
        return float(np.median(np.maximum(positive, 1 - positive)))

    def right(self, labels: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        return (outputs.ravel() > (0.0 if self.from_logits else 0.5)) == (labels.ravel() > 0.5)


class Overlap(Objective):
    """`Dice` and `Tversky`: quotients of sums, of a whole batch where no axis is given."""

    additive = False


def are_probabilities(outputs: np.ndarray) -> bool:
    """Whether sigmoids or softmaxes gave these: so many logits would not all lie in [0, 1]."""
    low, high = outputs.min(), outputs.max()
    return bool(outputs.size >= _MANY and 0 <= low < high <= 1)


def _unequal(labels: tuple[int, ...], outputs: tuple[int, ...]) -> str:
    """Keras forgives a last axis of one."""
    if labels in (outputs, (*outputs, 1)) or outputs == (*labels, 1):
        return ""
    return f"labels of shape {labels} do not fit outputs of shape {outputs}"


_OBJECTIVES: dict[Any, type[Objective]] = {
    keras.losses.SparseCategoricalCrossentropy: SparseSoftmax,
    keras.losses.sparse_categorical_crossentropy: SparseSoftmax,
    keras.losses.CategoricalCrossentropy: Softmax,
    keras.losses.categorical_crossentropy: Softmax,
    keras.losses.BinaryCrossentropy: Sigmoid,
    keras.losses.binary_crossentropy: Sigmoid,
    keras.losses.Dice: Overlap,
    keras.losses.dice: Overlap,
    keras.losses.Tversky: Overlap,
    keras.losses.tversky: Overlap,
}


def objective_of(loss: Any) -> Objective:
    """What is known of `loss`, the argument of `compile`: a name, a function or an object."""
    losses = keras.tree.flatten(loss)
    loss = losses[0] if len(losses) == 1 else None
    if isinstance(loss, str):
        loss = keras.losses.get(loss)
    if isinstance(loss, keras.losses.Loss):
        return _OBJECTIVES.get(type(loss), Objective)(loss.get_config())
    return _OBJECTIVES.get(loss, Objective)({})
