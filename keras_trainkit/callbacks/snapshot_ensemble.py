"""Snapshot ensembles: one training, a model for each cycle of the rate."""

from __future__ import annotations

import itertools
import os
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
from keras import ops

from keras_trainkit._core import arguments
from keras_trainkit._core.whole_file import whole_file
from keras_trainkit.callbacks._cycle_ends import cycle_ends, schedule_of

_NAME = "snapshot-{:09d}.keras"
_PATTERN = re.compile(r"snapshot-(\d{9,})\.keras")


class SnapshotEnsemble(keras.callbacks.Callback):
    """Saves the model at the end of every cycle of its learning rate.

    When the rate has come down, the model rests in a minimum; the next cycle lifts it out and
    leads it to another one. The models of these moments are different enough to be worth
    averaging, and cost one training together: `inference.AveragedPredictor(snapshots.paths)`.

    A cycle ends where a `schedules.WarmRestarts` begins again, be it inside of a `Warmup` or a
    `Join`; it is read off the compiled optimizer. The snapshot is taken after the last step of
    the cycle, in the middle of an epoch if it ends there, as a step later the rate is high again.
    A last cycle that training does not finish leaves none.

    The files are whole `.keras` models, named after the step, and replaced in one move. A run
    that was killed and goes on (`keras.callbacks.BackupAndRestore`) keeps those it has, and takes
    those once more that it comes to again. One folder is for one run.

    Args:
        directory: Where the snapshots go; made as needed.
        cycle_steps: The length of each cycle in steps, for a rate that something else moves
            (`schedules.Cyclical`, a callback). None reads the cycles off the schedule.
        last: Keep only so many, the latest; None keeps all.
        verbose: 1 says when a snapshot is taken.

    Attributes:
        paths: The snapshots up to where training is, in order. Before any training: all there are.

    Raises:
        ValueError: If an argument breaks its rule; when training begins, if there is no
            `WarmRestarts` and no `cycle_steps`.

    Example:

    >>> import tempfile
    >>> from keras_trainkit.schedules import CosineDecay, WarmRestarts
    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    >>> rate = WarmRestarts(CosineDecay(0.1, 4), steps=4, growth=1)
    >>> model.compile(keras.optimizers.SGD(rate), "mse")
    >>> x = keras.ops.ones((6, 1))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     snapshots = SnapshotEnsemble(folder)
    ...     _ = model.fit(x, x, batch_size=2, epochs=3, verbose=0, callbacks=[snapshots])
    ...     [os.path.basename(path) for path in snapshots.paths]  # 3 steps an epoch
    ['snapshot-000000004.keras', 'snapshot-000000008.keras']

    Source: Huang et al. 2017, "Snapshot ensembles: train 1, get M for free".
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        cycle_steps: int | None = None,
        last: int | None = None,
        verbose: int = 0,
    ) -> None:
        super().__init__()
        self.directory = os.fspath(directory)
        if "://" in self.directory or os.path.isfile(self.directory):
            arguments.refuse(self, "directory", "be a folder on a local disk", self.directory)
        if cycle_steps is not None:
            cycle_steps = arguments.integer(self, "cycle_steps", cycle_steps, 1)
        self.cycle_steps = cycle_steps
        self.last = None if last is None else arguments.integer(self, "last", last, 1)
        self.verbose = verbose
        self._reached: int | None = None  # the step that training has come to
        self._end: int | None = None  # the step after which the present cycle ends

    @property
    def paths(self) -> list[str]:
        """The snapshots, oldest first."""
        found = {}
        for path in Path(self.directory).glob("snapshot-*.keras"):
            if match := _PATTERN.fullmatch(path.name):
                found[int(match[1])] = str(path)
        reached = self._reached
        return [found[step] for step in sorted(found) if reached is None or step <= reached]

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Finds the cycles."""
        self._late = False
        self._ends = self._cycles()
        self._end = next(self._ends, None)
        if self._end is None:
            arguments.refuse(
                self,
                "model",
                "be compiled with an optimizer whose learning rate is a `WarmRestarts`",
                type(self.model.optimizer).__name__,
                "Or give `cycle_steps`.",
            )

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Reads the clock, which a callback may have set (`BackupAndRestore`)."""
        self._reached = self._begin = self._clock()
        if self._passed(self._begin) == self._begin and not self._path(self._begin).exists():
            self._take(self._begin)  # the run was killed between its backup and this snapshot

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Takes a snapshot where the cycle has ended."""
        # The clock itself is read only where it matters: on JAX that copies the state out.
        if self._end is None or self._begin + batch + 1 < self._end:
            return
        step = self._clock()  # behind the count of batches where a loss scale has skipped steps
        end = self._passed(step)
        if end is not None:
            self._warn(step - end)
            self._take(step)

    def _cycles(self) -> Iterator[int]:
        if self.cycle_steps is not None:
            return itertools.count(self.cycle_steps, self.cycle_steps)
        return cycle_ends(schedule_of(self.model.optimizer))

    def _clock(self) -> int:
        return int(ops.convert_to_numpy(self.model.optimizer.iterations))

    def _passed(self, step: int) -> int | None:
        """The last end of a cycle up to a step, if it is a new one."""
        passed = None
        while self._end is not None and self._end <= step:
            passed, self._end = self._end, next(self._ends, None)
        return passed

    def _path(self, step: int) -> Path:
        return Path(self.directory, _NAME.format(step))

    def _take(self, step: int) -> None:
        with whole_file(self._path(step)) as part:
            self.model.save(part)
        self._reached = step
        for old in self.paths[: -self.last] if self.last else ():
            os.remove(old)
        if self.verbose:
            print(f"Snapshot after step {step}: {self._path(step)}")

    def _warn(self, late: int) -> None:
        if late and not self._late:
            self._late = True
            warnings.warn(
                f"`SnapshotEnsemble`: this snapshot comes {late} steps after its cycle, when the "
                "rate is high again; choose `steps_per_execution` so that it divides the cycles.",
                stacklevel=2,
            )
