"""A training run, wherever its curves were written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Run:
    """What the board knows of a training run.

    Attributes:
        name: What it is called on the page.
        search: The search that it is a trial of, or "".
        metric: What that search judges by, without `val_`, or "".
        curves: The values of each epoch by name, as in `History.history`.
        params: The hyperparameters by name: numbers, strings, booleans.
        state: `"complete"`, `"running"`, `"pruned"` or `"failed"`.
        score: What runs are compared by, or None to take the best value of the judged metric.
        reason: Why it was pruned or failed, in a sentence.
        seconds: How long it took, or None.
        batches: The losses of batches, `(2, n)`: where in epochs, and how much.
        facts: What else is known, by name.
    """

    name: str
    curves: Mapping[str, np.ndarray]
    search: str = ""
    metric: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    state: str = "complete"
    score: float | None = None
    reason: str = ""
    seconds: float | None = None
    batches: np.ndarray | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def epochs(self) -> int:
        """How many epochs have a value."""
        return max((len(curve) for curve in self.curves.values()), default=0)
