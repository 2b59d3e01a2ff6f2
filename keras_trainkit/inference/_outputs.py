"""What a model gives, checked, and brought into the space in which it is averaged."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_trainkit._core.arguments import refuse

_SUM = 0.01  # by which rows of bfloat16 may miss 1
_LEAST = np.finfo("float32").tiny
_HALF_STEP = 2.0**-24  # the least distance from 1 of a float32 below it, halved


class Outputs:
    """One meaning of the members' outputs, the same for all of them.

    Args:
        owner: The object whose argument the members are.
        average: `"probabilities"` or `"logits"`.
        from_logits: What the members give.
    """

    def __init__(self, owner: object, average: str, from_logits: bool) -> None:
        self._owner = owner
        self._average = average
        self._from_logits = from_logits
        self._shape: tuple[tuple[int, ...], str] | None = None

    def terms(self, outputs: Any, name: str) -> np.ndarray:
        """What is summed up of a member's outputs, in float64.

        Args:
            outputs: As the model gave them.
            name: The member's, for the refusal.
        """
        self._check(outputs, name)
        values = np.asarray(outputs, "float64")
        if self._average == "logits":
            return values if self._from_logits else _logits(values)
        return _probabilities(values) if self._from_logits else values

    def finish(self, mean: np.ndarray) -> np.ndarray:
        """Probabilities, from the mean of terms."""
        return _probabilities(mean) if self._average == "logits" else mean

    def _check(self, outputs: Any, name: str) -> None:
        owner = self._owner
        shape: tuple[int, ...] = tuple(getattr(outputs, "shape", ()))
        if len(shape) < 2:
            rule = "have one output, a row of classes for each example"
            refuse(owner, "models", rule, f"{type(outputs).__name__} {shape} from {name}")
        if self._shape is None:
            self._shape = shape[1:], name
        expected, other = self._shape
        if shape[1:] != expected:
            rule = "have the same number of classes"
            got = f"{expected[-1]} of {other} and {shape[-1]} of {name}"
            if shape[-1] == expected[-1]:
                rule, got = "agree in shape", f"{expected} of {other} and {shape[1:]} of {name}"
            refuse(owner, "models", rule, got)
        values = np.asarray(outputs, "float32")
        sums = values.sum(-1)
        within = values.min() >= 0 and values.max() <= 1 + _SUM
        rows = within and (shape[-1] == 1 or np.abs(sums - 1).max() <= _SUM)
        got = f"values from {values.min():.3g} to {values.max():.3g}"
        if shape[-1] > 1:
            got += f" in rows of sums from {sums.min():.3g} to {sums.max():.3g}"
        if not self._from_logits and not rows:
            rule = "give probabilities: no value below 0, and rows that sum to 1"
            cure = "Models without a softmax at the end need `from_logits=True`."
            refuse(owner, "models", rule, f"{got} from {name}", cure)
        if self._from_logits and shape[-1] > 1 and rows:
            rule = "give logits where `from_logits` is True"
            refuse(owner, "models", rule, f"probabilities from {name}", "Leave it out.")


def _logits(p: np.ndarray) -> np.ndarray:
    """Logits of these probabilities, up to a constant a row, which a softmax does not see."""
    if p.shape[-1] > 1:
        return np.log(np.maximum(p, _LEAST))
    p = np.clip(p, _HALF_STEP, 1 - _HALF_STEP)
    return np.log(p) - np.log1p(-p)


def _probabilities(logits: np.ndarray) -> np.ndarray:
    """Their softmax; of single ones the logistic function."""
    if logits.shape[-1] > 1:
        powers = np.exp(logits - logits.max(-1, keepdims=True))
        return powers / powers.sum(-1, keepdims=True)
    return np.exp(-np.logaddexp(0, -logits))
