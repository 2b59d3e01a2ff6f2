"""When a small sample counts as learned."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_trainkit._core import arguments
from keras_trainkit.callbacks._batches import Batch
from keras_trainkit.callbacks._objectives import Objective, SparseSoftmax, objective_of

_SHARE = 0.01  # of the way from the lowest loss to that of a constant
_BEYOND = 1.5  # times the labels' distance from a constant
_TINY = 1e-7  # a probability, so that logits are finite


class OverfitJudge:
    """Says whether a sample is learned: by the accuracy of one cross-entropy, else by the loss.

    Sample weights and the masks of the outputs count as in training.

    Attributes:
        start: The loss before any step, the mean over batches.
        floor: How low it can fall, as far as that is known; zero where it is not.
        counts: Whether there is an accuracy.
        target: Without one, the loss that counts as learned; NaN where none can be told.
        alike: Whether all labels are the same.

    Args:
        who: The function that asks, for the errors.
        model: A compiled model.
        sample: What it shall learn.
    """

    def __init__(self, who: str, model: keras.Model, sample: Sequence[Batch]) -> None:
        self._model = model
        self._sample = sample
        self.floor, self.target = 0.0, math.nan
        with self._scope():
            predictions, parts = self._forward()
            columns = list(zip(*parts, strict=True))  # those of an output
            self.counts = len(columns) == 1 and columns[0][0].objective.known
            for column in columns:
                _refuse_faults(who, column)
            labels = [_counted_labels(column) for column in columns]
            self.alike = bool(labels) and all(bool((each == each[0]).all()) for each in labels)
            self.start = self._loss(predictions)
            if columns and not self.counts and not self.alike and math.isfinite(self.start):
                self.floor, self.target = self._bounds(predictions, parts)

    def right(self) -> np.ndarray:
        """Which labels are right, of those that count."""
        with self._scope():
            _, parts = self._forward()
        return np.concatenate(
            [
                part.objective.right(part.labels[part.counted], part.outputs[part.counted])
                for (part,) in parts
            ]
        )

    def _bounds(
        self, predictions: Sequence[Any], parts: Sequence[Sequence[_Part]]
    ) -> tuple[float, float]:
        """The loss of the labels as predictions, and what counts as learned; 0 and NaN if none."""
        if not all(part.takes_labels for batch in parts for part in batch):
            return 0.0, math.nan

        def loss(middles: Sequence[np.ndarray], share: float) -> float:
            """That of predictions on the way from a constant, 0, to the labels, 1."""
            leaves = [
                [
                    part.prediction(middle + share * (part.values - middle))
                    for part, middle in zip(batch, middles, strict=True)
                ]
                for batch in parts
            ]
            return self._loss(list(map(keras.tree.pack_sequence_as, predictions, leaves)))

        constants = [
            [_over_rows(of, column) for column in zip(*parts, strict=True)]
            for of in (np.mean, np.median)
        ]
        costs = [loss(constant, 0.0) for constant in constants]
        best = min((cost for cost in costs if math.isfinite(cost)), default=math.nan)
        floor = loss(constants[0], 1.0)
        step = _SHARE * (best - floor)
        # Where it pays to go beyond the labels, the outputs are no labels: logits, for instance.
        if not step > 0 or loss(constants[0], _BEYOND) < floor - step:
            return 0.0, math.nan
        return floor, floor + step

    def _loss(self, predictions: Sequence[Any]) -> float:
        losses = [
            self._model.compute_loss(
                x=batch.x, y=batch.y, y_pred=prediction, sample_weight=batch.sample_weight
            )
            for batch, prediction in zip(self._sample, predictions, strict=True)
        ]
        return float(np.mean([float(loss) for loss in losses]))

    def _forward(self) -> tuple[list[Any], list[list[_Part]]]:
        """Predictions in training mode, as moving statistics lag behind; of each batch its parts.

        There are no parts where the labels do not go with the outputs one by one.
        """
        predictions = [self._model(batch.x, training=True) for batch in self._sample]
        parts = list(map(self._parts, self._sample, predictions))
        return predictions, parts if all(parts) else []

    def _parts(self, batch: Batch, prediction: Any) -> list[_Part]:
        outputs = keras.tree.flatten(prediction)
        losses, labels, weights = (
            self._by_output(each, prediction)
            for each in (self._model.loss, batch.y, batch.sample_weight)
        )
        losses, weights = (
            each * len(outputs) if len(each) == 1 else each for each in (losses, weights)
        )
        if not len(outputs) == len(losses) == len(labels) == len(weights):
            return []
        parts = [
            _part(objective_of(loss), *others)
            for loss, *others in zip(losses, labels, outputs, weights, strict=True)
        ]
        found = [part for part in parts if part is not None]
        return found if len(found) == len(parts) else []

    def _by_output(self, structure: Any, prediction: Any) -> list[Any]:
        """The leaves, in the order of the outputs."""
        if isinstance(structure, dict) and not isinstance(prediction, dict):
            names = getattr(self._model, "output_names", ())
            structure = [structure.get(name) for name in names]
        return keras.tree.flatten(structure)

    def _scope(self) -> Any:
        variables = self._model.variables
        return keras.StatelessScope([(variable, variable.value) for variable in variables])


@dataclass(frozen=True, eq=False)
class _Part:
    """One output of one batch."""

    objective: Objective
    labels: np.ndarray  # at least two axes, all but the last one as those of the outputs
    outputs: np.ndarray
    counted: np.ndarray  # which rows of the last axis have a weight
    shape: tuple[int, ...]  # of the output
    mask: Any

    @property
    def is_sparse(self) -> bool:
        """Whether the labels are class numbers."""
        return isinstance(self.objective, SparseSoftmax)

    @property
    def takes_labels(self) -> bool:
        """Whether a label makes a prediction."""
        return self.is_sparse or self.labels.shape == self.outputs.shape

    @property
    def values(self) -> np.ndarray:
        """The labels as predictions."""
        if not self.is_sparse:
            return self.labels.astype("float32")
        classes = self.outputs.shape[-1]
        places = np.clip(self.labels[..., 0], 0, classes - 1).astype("int64")
        return np.eye(classes, dtype="float32")[places]

    def prediction(self, values: np.ndarray) -> Any:
        """Such values as an output."""
        if _are_chances(self.labels) and _are_chances(self.outputs):
            values = np.clip(values, 0, 1)
        if self.objective.from_logits:
            chances = np.clip(values.astype("float64"), _TINY, 1 - _TINY)
            values = np.log(chances) - np.log1p(-chances)
        output = ops.convert_to_tensor(values.reshape(self.shape).astype("float32"))
        if self.mask is not None:
            output._keras_mask = self.mask
        return output


def _part(objective: Objective, labels: Any, output: Any, weights: Any) -> _Part | None:
    """None where the labels are no numbers, or not as many as the outputs."""
    outputs = ops.convert_to_numpy(output).astype("float32")
    shape = outputs.shape
    if outputs.ndim == 1:
        outputs = outputs[:, None]
    places = outputs.shape[:-1]
    if labels is None or labels.dtype.kind not in "fiub" or labels.shape[: len(places)] != places:
        return None
    labels = labels.reshape(*places, -1)
    mask = getattr(output, "_keras_mask", None)
    counted = np.ones(places, bool)
    for each in (weights, None if mask is None else ops.convert_to_numpy(mask)):
        if each is not None:
            counted = counted & _has_weight(each, len(places))
    if isinstance(objective, SparseSoftmax) and objective.ignore_class is not None:
        counted = counted & (labels[..., 0] != objective.ignore_class)
    return _Part(objective, labels, outputs, counted, shape, mask)


def _has_weight(weights: np.ndarray, axes: int) -> np.ndarray:
    """Which weights are not zero, with so many axes."""
    found = weights != 0
    while found.ndim > axes:
        found = found.any(-1)
    return found.reshape(*found.shape, *[1] * (axes - found.ndim))


def _are_chances(values: np.ndarray) -> bool:
    return bool(np.all((values >= 0) & (values <= 1)))


def _over_rows(of: Callable[..., Any], column: Sequence[_Part]) -> np.ndarray:
    return np.asarray(of(np.concatenate([part.values[part.counted] for part in column]), axis=0))


def _counted_labels(column: Sequence[_Part]) -> np.ndarray:
    return np.concatenate([part.labels[part.counted] for part in column])


def _refuse_faults(who: str, column: Sequence[_Part]) -> None:
    """Refuses labels that an output cannot learn."""
    first = column[0]
    labels = _counted_labels(column)
    if not labels.size:
        arguments.refuse(who, "data", "hold labels with a weight", "none")
    wanted = 1 if first.is_sparse else first.outputs.shape[-1]
    if first.objective.known and labels.shape[-1] != wanted:
        rule = f"have labels of shape {(*first.counted.shape, wanted)} for this loss"
        cure = "Rows of shares take the categorical cross-entropy." if first.is_sparse else ""
        arguments.refuse(who, "data", rule, first.labels.shape, cure)
    fault = first.objective.labels_fault(labels, first.objective.classes(first.outputs))
    if fault:
        raise ValueError(f"`{who}`: `data` must have labels that fit the loss: {fault}.")
