"""What a cross-entropy expects of labels and outputs, and what is wrong where they differ."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

_HALF_PRECISION = 0.05  # by how much a softmax over many classes may miss a sum of one


class Objective:
    """Any loss: nothing is known of its labels and outputs.

    Args:
        config: The loss object's config; empty for a function.
    """

    known = False

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

    def labels_fault(self, labels: np.ndarray, classes: int) -> str:
        if labels.ndim < 2 or labels.shape[-1] != classes:
            return (
                f"labels of shape {labels.shape} are no rows of {classes} shares (class numbers "
                "take the sparse cross-entropy)"
            )
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

    def labels_fault(self, labels: np.ndarray, classes: int) -> str:
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

    def labels_fault(self, labels: np.ndarray, classes: int) -> str:
        if np.all((labels >= 0) & (labels <= 1)):
            return ""
        return f"the labels run from {labels.min()} to {labels.max()}, where 0 to 1 is meant"

    def outputs_fault(self, outputs: np.ndarray) -> str:
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


_OBJECTIVES: dict[Any, type[Objective]] = {
    keras.losses.SparseCategoricalCrossentropy: SparseSoftmax,
    keras.losses.sparse_categorical_crossentropy: SparseSoftmax,
    keras.losses.CategoricalCrossentropy: Softmax,
    keras.losses.categorical_crossentropy: Softmax,
    keras.losses.BinaryCrossentropy: Sigmoid,
    keras.losses.binary_crossentropy: Sigmoid,
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
