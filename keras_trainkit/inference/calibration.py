"""Whether a model is as often right as it says."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

BINS = 15


@dataclass(frozen=True, eq=False)
class Calibration:
    """A reliability diagram in numbers: examples by the confidence of their prediction.

    The confidence is the largest probability of an example. Each of 15 bins of equal width holds
    the confidences above its lower edge, and up to its upper one.

    Attributes:
        counts: How many examples each bin holds.
        confidence_sums: The sum of their confidences.
        right: How many of them are right.

    Example:

    >>> calibration = Calibration()
    >>> calibration.add(np.array([0.95, 0.95, 0.55, 0.55]), np.array([True, True, True, False]))
    >>> round(calibration.error, 3)  # half of them at |0.95 - 1|, half at |0.55 - 0.5|
    0.05

    Source: Guo et al. 2017, "On calibration of modern neural networks", section 2.
    """

    counts: np.ndarray = field(default_factory=lambda: np.zeros(BINS, int))
    confidence_sums: np.ndarray = field(default_factory=lambda: np.zeros(BINS))
    right: np.ndarray = field(default_factory=lambda: np.zeros(BINS, int))

    def add(self, confidences: np.ndarray, right: np.ndarray) -> None:
        """Counts some examples more."""
        bins = np.searchsorted(self.edges[1:-1], confidences)
        self.counts[:] += np.bincount(bins, minlength=BINS)
        self.confidence_sums[:] += np.bincount(bins, confidences, BINS)
        self.right[:] += np.bincount(bins, right, BINS).astype(int)

    @property
    def edges(self) -> np.ndarray:
        """The bins' edges, from 0 to 1."""
        return np.linspace(0, 1, BINS + 1)

    @property
    def confidences(self) -> np.ndarray:
        """The mean confidence in each bin; NaN in an empty one."""
        return self._mean(self.confidence_sums)

    @property
    def accuracies(self) -> np.ndarray:
        """The share of right predictions in each bin; NaN in an empty one."""
        return self._mean(self.right)

    @property
    def error(self) -> float:
        """The expected calibration error: the mean over examples of |accuracy - confidence|."""
        return float(np.abs(self.right - self.confidence_sums).sum() / self.counts.sum())

    @property
    def excess(self) -> float:
        """The mean confidence less the accuracy: above 0 for a model that is too sure."""
        return float((self.confidence_sums.sum() - self.right.sum()) / self.counts.sum())

    def _mean(self, sums: np.ndarray) -> np.ndarray:
        blank = np.full(BINS, np.nan)
        return np.divide(sums, self.counts, out=blank, where=self.counts > 0)
