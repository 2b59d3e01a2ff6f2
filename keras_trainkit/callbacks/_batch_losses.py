"""The loss of each batch, out of the running mean of the epoch."""

from __future__ import annotations

from array import array

import numpy as np


class BatchLosses:
    """Losses between readings of a mean metric's total and count.

    What a mean metric adds for a batch is loss times rows to its total and rows to its count,
    so the mean loss between two readings is the growth of the one over the growth of the other,
    whatever the sizes of the batches. (Both are float32: after n equal batches of an epoch the
    difference is good to about n / 10,000,000 of the loss.)
    """

    def __init__(self) -> None:
        self.losses = array("d")
        self.batches = 1  # how many batches a point is the mean of
        self._ends = array("d")  # of each point, in batches of its epoch
        self._points = array("q")  # of each epoch
        self._lengths = array("q")  # of each epoch in batches, so far
        self._read = (0.0, 0.0)

    def start_epoch(self) -> None:
        """The metric has been reset."""
        self._points.append(0)
        self._lengths.append(0)
        self._read = (0.0, 0.0)

    @property
    def last(self) -> int:
        """The batches of this epoch up to the last reading."""
        return self._lengths[-1]

    def read(self, batch: int, total: float, count: float) -> None:
        """Takes the metric's state after `batch` batches of the epoch."""
        before, rows = self._read if count >= self._read[1] else (0.0, 0.0)  # reset meanwhile
        if count > rows:
            self.losses.append((total - before) / (count - rows))
            self.batches = max(self.batches, batch - self.last)
            self._ends.append(batch)
            self._points[-1] += 1
        self._lengths[-1] = batch
        self._read = (total, count)

    def positions(self, steps: int | None) -> np.ndarray:
        """Where each point ends, in epochs from the first; `steps` is an epoch's length, if known.

        An unfinished epoch of unknown length is as long as the one before it, or as it is so far.
        """
        lengths = np.maximum(np.asarray(self._lengths), 1)
        lengths[-1:] = np.max([*lengths[-2:], steps or 1], initial=1)
        within = np.asarray(self._ends) / np.repeat(lengths, self._points)
        return np.repeat(np.arange(len(lengths)), self._points) + within
