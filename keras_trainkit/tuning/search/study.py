"""A study in a storage that several workers share, and what each does about the others."""

from __future__ import annotations

import functools
import itertools
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from keras_trainkit._core import arguments
from keras_trainkit._core.lazy import LazyModule
from keras_trainkit.tuning.search.journal_lock import JournalLock
from keras_trainkit.tuning.search.storage_error import StorageError
from keras_trainkit.tuning.search.trial_folder import OutputError
from keras_trainkit.tuning.space import Axis, Space, as_json, from_json

_optuna: Any = LazyModule("optuna", "tuning")

BEAT = 15.0  # seconds between two signs of life
_SILENCE = 8  # beats, after which a worker counts as gone
_SAMPLERS = {  # by the names that people look for
    "random": "RandomSampler",
    "grid": "RandomSampler",  # which has nothing to draw: the points are queued
    "tpe": "TPESampler",
    "cmaes": "CmaEsSampler",
    "gp": "GPSampler",
    "qmc": "QMCSampler",
    "nsgaii": "NSGAIISampler",
}
SAMPLERS = tuple(_SAMPLERS)
NEEDED = {"cmaes": "cmaes", "gp": "torch"}  # packages that Optuna does not bring
_PRUNERS = {
    "median": "MedianPruner",
    "hyperband": "HyperbandPruner",
    "successive_halving": "SuccessiveHalvingPruner",
}
PRUNERS = tuple(_PRUNERS)
REACHED = "be a storage that can be reached"
_ATTEMPTS, _PAUSE = 3, 1.0  # seconds
_GRID_POINTS = 4  # of each range


def _stored(do: Callable[..., Any]) -> Callable[..., Any]:
    """Says of what fails in there that it is the storage."""

    @functools.wraps(do)
    def wrapped(self: Study, *args: Any) -> Any:
        try:
            return do(self, *args)
        except OSError as error:
            what = OutputError if self.is_journal else StorageError
            raise what(f"cannot write the study: {error.strerror or error}") from error
        except _optuna.exceptions.StorageInternalError as error:
            raise StorageError(_first_line(error)) from error

    return wrapped


class Study:
    """Trials in Optuna's storage.

    A worker renews a sign of life on its trial. One that has been silent for two minutes is
    taken for dead: its trial is told as failed, and its hyperparameters are queued again.

    Scores are of one kind: the space, the metric, the mode and what else `same` names stay what
    they were when the study was begun.
    """

    def __init__(
        self,
        owner: str,
        name: str,
        storage: str | Path,
        space: Space,
        metric: str,
        mode: str,
        sampler: str,
        pruner: str | None,
        seed: int,
        worker: int,
        **same: Any,
    ) -> None:
        self.name = name
        self.worker = worker
        self.is_journal = isinstance(storage, Path)
        self._prunes = pruner is not None
        self._axes = {key: axis.distribution() for key, axis in space.items()}
        with _reached(owner, storage), quiet():
            self._study = _opened(name, storage, "maximize" if mode == "max" else "minimize")
            facts = {"space": as_json(space), "metric": metric, "mode": mode, **same}
            known = self._study.user_attrs
            for key, value in facts.items():
                if key not in known:  # a new study, or one that kept less
                    self._study.set_user_attr(key, value)
                elif known[key] != value:
                    rule = f"be that of the study {name!r}, {_spoken(known[key])}"
                    cure = "Give `output` another folder."
                    if not self.is_journal:
                        cure = "Give the study another name, and `output` another folder."
                    arguments.refuse(owner, key, rule, _spoken(value), cure)
            started = len(self._study.get_trials(deepcopy=False))
            # Workers of one seed would draw the same points, and so would one that starts again.
            drawn = np.random.SeedSequence([seed, worker, started]).generate_state(1)[0]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", _optuna.exceptions.ExperimentalWarning)
                kind = getattr(_optuna.samplers, _SAMPLERS[sampler])
                self._study.sampler = kind(seed=int(drawn))
            self._study.pruner = (
                getattr(_optuna.pruners, _PRUNERS[pruner])()
                if pruner
                else _optuna.pruners.NopPruner()
            )
        self._grid: list[dict[str, Any]] | None = None
        if sampler == "grid":
            lines = [axis.grid(_GRID_POINTS) for axis in space.values()]
            points = list(itertools.product(*lines))
            order = np.random.default_rng([seed, worker]).permutation(len(points))
            self._grid = [dict(zip(space, points[i], strict=True)) for i in order]

    @property
    def is_exhausted(self) -> bool:
        """Whether a grid has no point left."""
        return self._grid is not None and self._next_of_grid() is None

    def _next_of_grid(self) -> dict[str, Any] | None:
        # Optuna's GridSampler ends a loop of Optuna's, which is not ours, and raises elsewhere.
        taken = [trial.params for trial in self.trials()]
        return next((point for point in self._grid or () if point not in taken), None)

    @_stored
    def queue(self, params: Mapping[str, Any]) -> None:
        """Lets a worker take these hyperparameters next; once, whoever asks."""
        with quiet():
            self._study.enqueue_trial(dict(params), skip_if_exists=True)

    @_stored
    def ask(self) -> Any:
        """An Optuna trial, running from now on."""
        with quiet():
            if self._grid is not None and not self._waiting():
                self._study.enqueue_trial(self._next_of_grid())
            trial = self._study.ask(self._axes)
        trial.set_user_attr("worker", self.worker)
        trial.set_user_attr("beat", time.time())
        return trial

    def _waiting(self) -> bool:
        states = (_optuna.trial.TrialState.WAITING,)
        return bool(self._study.get_trials(deepcopy=False, states=states))

    @_stored
    def report(self, trial: Any, value: float, epoch: int) -> bool:
        """Keeps the value of an epoch, and says whether to give the trial up."""
        try:
            trial.report(value, epoch)
        except _optuna.exceptions.StorageInternalError:  # a broken connection is made anew
            time.sleep(_PAUSE)
            trial.report(value, epoch)
        return self._prunes and trial.should_prune()

    @_stored
    def tell(self, trial: Any, state: str, score: float | None, reason: str) -> bool:
        """Ends a trial, and says whether it was still this worker's to end."""
        states = _optuna.trial.TrialState
        ends = {"complete": states.COMPLETE, "pruned": states.PRUNED, "failed": states.FAIL}
        try:
            trial.set_user_attr("reason", reason)
            trial.set_user_attr("score", score)
            with quiet():
                value = score if state == "complete" else None
                self._study.tell(trial.number, value, state=ends[state])
        except _optuna.exceptions.UpdateFinishedTrialError:  # taken for dead while it slept
            return False
        return True

    @_stored
    def release(self, trial: Any, reason: str) -> None:
        """Gives back a trial that this worker will not end: another takes its hyperparameters."""
        if self.tell(trial, "failed", None, reason):
            self._again(trial.number, trial.params)

    @_stored
    def reclaim(self) -> list[int]:
        """Does the same for workers that have fallen silent; returns the numbers of the trials."""
        reclaimed = []
        for trial in self.trials():
            if trial.state.name != "RUNNING":
                continue
            begun = trial.datetime_start.timestamp() if trial.datetime_start else 0.0
            if time.time() - trial.user_attrs.get("beat", begun) < _SILENCE * BEAT:
                continue
            try:
                self._study.tell(trial.number, state=_optuna.trial.TrialState.FAIL)
            except ValueError:  # another worker was faster
                continue
            self._again(trial.number, trial.params)
            reclaimed.append(trial.number)
        return reclaimed

    def _again(self, number: int, params: Mapping[str, Any]) -> None:
        self._study.enqueue_trial(dict(params), user_attrs={"instead_of": number})

    @_stored
    def trials(self) -> list[Any]:
        """All of Optuna's frozen trials, but those that another was queued for."""
        trials = self._study.get_trials(deepcopy=False)
        replaced = {trial.user_attrs.get("instead_of") for trial in trials}
        return [trial for trial in trials if trial.number not in replaced]

    def best_score(self, mode: str) -> float | None:
        """Of the trials that were trained to the end."""
        values = [trial.value for trial in self.trials() if trial.state.name == "COMPLETE"]
        return (max if mode == "max" else min)(values, default=None)

    @contextmanager
    def alive(self, trial: Any) -> Iterator[None]:
        """Renews the sign of life while the trial runs."""
        done = threading.Event()

        def beat() -> None:
            while not done.wait(BEAT):
                try:
                    trial.set_user_attr("beat", time.time())
                except _optuna.exceptions.UpdateFinishedTrialError:
                    return
                except Exception:  # each driver has its own; the next beat may come through
                    continue

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def _opened(name: str, storage: str | Path, direction: str) -> Any:
    for attempt in range(_ATTEMPTS):
        try:
            return _optuna.create_study(
                storage=_storage(storage), study_name=name, load_if_exists=True, direction=direction
            )
        except (ValueError, ImportError):
            raise
        except Exception:
            # Of workers that open a new database at one instant, one makes the tables.
            if attempt + 1 == _ATTEMPTS:
                raise
            time.sleep(_PAUSE)


def space_of(owner: str, name: str, storage: str | Path) -> dict[str, Axis] | None:
    """The space of a study that is there already."""
    with _reached(owner, storage), quiet():
        if isinstance(storage, Path) and not storage.exists():
            return None
        try:
            study = _optuna.load_study(study_name=name, storage=_storage(storage))
        except KeyError:
            return None
    known = study.user_attrs.get("space")
    return known and from_json(known)


def _storage(storage: str | Path) -> Any:
    if isinstance(storage, str):
        return storage
    backend = _optuna.storages.journal.JournalFileBackend(str(storage), JournalLock(storage))
    return _optuna.storages.JournalStorage(backend)


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps Optuna's remarks on every trial away; its warnings come through."""
    before = _optuna.logging.get_verbosity()
    _optuna.logging.set_verbosity(_optuna.logging.WARNING)
    try:
        yield
    finally:
        _optuna.logging.set_verbosity(before)


@contextmanager
def _reached(owner: str, storage: str | Path) -> Iterator[None]:
    try:
        yield
    except (ValueError, ModuleNotFoundError) as error:
        if isinstance(error, ModuleNotFoundError) or str(error).startswith("`"):
            raise
        arguments.refuse(
            owner, "storage", "be a storage that Optuna knows", safe(storage), str(error)
        )
    except Exception as error:  # each database driver has its own
        why = _first_line(error)
        arguments.refuse(owner, "storage", REACHED, safe(storage), f"{why}.")


def _first_line(error: BaseException) -> str:
    error = error.__cause__ or error  # the driver's own words
    return next(iter(str(error).strip().splitlines()), type(error).__name__).rstrip(".")


def safe(storage: str | Path) -> str:
    """The address without its password."""
    address = str(storage)
    before, mark, after = address.rpartition("@")
    scheme, _, user = before.partition("://")
    shown = f"{scheme}://{user.partition(':')[0]}@{after}" if mark and ":" in user else address
    return shown.partition("?")[0]


def _spoken(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    axes = {
        k: ", ".join(f"{x}" for n, x in v.items() if n != "class_name") for k, v in value.items()
    }
    return "; ".join(f"{k}: {value[k]['class_name']}({v})" for k, v in axes.items())
