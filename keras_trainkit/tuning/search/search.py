"""The loop of a worker: take a trial, train it, tell what came of it."""

from __future__ import annotations

import gc
import json
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_trainkit._core import arguments
from keras_trainkit._core.lazy import LazyModule
from keras_trainkit._core.whole_file import whole_file
from keras_trainkit.callbacks._direction import direction
from keras_trainkit.tuning.search.folds import Folds
from keras_trainkit.tuning.search.freed_graphs import freed_graphs
from keras_trainkit.tuning.search.storage_error import StorageError
from keras_trainkit.tuning.search.study import NEEDED, PRUNERS, REACHED, SAMPLERS, Study, safe
from keras_trainkit.tuning.search.train_trial import Build, Training, train_trial
from keras_trainkit.tuning.search.trial_folder import OutputError, TrialFolder
from keras_trainkit.tuning.search_result import SearchedTrial, SearchResult
from keras_trainkit.tuning.space import Space, as_json, check_space
from keras_trainkit.tuning.write_board import write_board

_tqdm: Any = LazyModule("tqdm.auto", "tuning")
_WAIT = 2.0  # seconds, until other workers have ended their trials
_SHARE = 100  # the page, and tidying up, take a hundredth of the time each at most


@dataclass(frozen=True)
class Settings:
    """What `coarse_search` and `refine_search` have in common; they say what each means."""

    owner: str
    step: str
    trials: int
    epochs: int
    batch_size: int = 32
    metric: str = "val_accuracy"
    mode: str = "auto"
    sampler: str = "random"
    pruner: str | None = "median"
    splits: int = 1
    validation_share: float | None = 0.2
    callbacks: Callable[[], Sequence[keras.callbacks.Callback]] | None = None
    time_limit: float | None = None
    output: Path = Path("runs/tuning")
    storage: str | None = None
    name: str = "search"
    seed: int = 0
    worker: int = 0
    verbose: int = 1
    board: Path | None = None

    def checked(self) -> Settings:
        """These, once each keeps its rule."""
        who = self.owner
        least = {"trials": 1, "epochs": 1, "batch_size": 1, "splits": 1, "seed": 0, "worker": 0}
        plain: dict[str, Any] = {
            key: arguments.integer(who, key, getattr(self, key), low) for key, low in least.items()
        }
        for key in ("metric", "name", "storage"):
            value = getattr(self, key)
            if not isinstance(value, str) and not (key == "storage" and value is None):
                arguments.refuse(who, key, "be a string", value)
        if self.callbacks is not None and not callable(self.callbacks):
            rule = "be a function that returns new callbacks"
            arguments.refuse(who, "callbacks", rule, self.callbacks, "Write `lambda: [...]`.")
        arguments.one_of(who, "sampler", self.sampler, SAMPLERS)
        package = NEEDED.get(self.sampler)
        if package and find_spec(package) is None:
            raise ModuleNotFoundError(
                f"`{who}`: `sampler` {self.sampler!r} needs the package {package}: "
                f"pip install {package}."
            )
        if self.pruner is not None:
            arguments.one_of(who, "pruner", self.pruner, PRUNERS)
        if self.validation_share is not None:
            share = arguments.number(
                who, "validation_share", self.validation_share, above=0, below=1
            )
            plain["validation_share"] = share
        elif self.splits < 2:
            rule = "be a share of the rows where they are split once"
            arguments.refuse(who, "validation_share", rule, None, "Or set `splits` to 5 folds.")
        if self.time_limit is not None:
            arguments.number(who, "time_limit", self.time_limit, above=0)
        direction(who, "metric", self.metric, self.mode)
        return replace(self, **plain)


def search(
    build: Build,
    data: Any,
    space: Space,
    settings: Settings,
    first: Sequence[Mapping[str, Any]] = (),
) -> SearchResult:
    """Runs trials until there are as many as wanted, other workers' among them.

    Args:
        build: Makes a compiled model of hyperparameters.
        data: What `Folds` takes.
        space: The ranges.
        settings: The rest.
        first: Hyperparameters to begin with.
    """
    settings = settings.checked()
    who = settings.owner
    if not callable(build):
        arguments.refuse(who, "build", "be a function of hyperparameters", build)
    space = check_space(who, space)
    mode = direction(who, "metric", settings.metric, settings.mode)
    folds = Folds(who, data, settings.splits, settings.validation_share, settings.seed)
    storage = settings.storage or settings.output / "journal.log"
    try:
        settings.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        arguments.refuse(
            who,
            "output",
            f"be a folder that can be written ({error.strerror})",
            str(settings.output),
        )
    _refuse_another(settings, storage)
    study = Study(
        who, settings.name, storage, space, settings.metric, mode,
        settings.sampler, settings.pruner, settings.seed, settings.worker,
        epochs=settings.epochs, batch_size=settings.batch_size,
        splits=settings.splits, validation_share=settings.validation_share,
    )  # fmt: skip
    training = Training(
        build,
        folds,
        settings.epochs,
        settings.batch_size,
        settings.metric,
        mode,
        lambda: list(settings.callbacks() if settings.callbacks else ()),
        settings.time_limit,
    )
    board = _Board(settings)
    try:
        _describe(settings, storage, space, mode)
        for params in first:
            study.queue(params)
        _work(study, training, settings, mode, board)
        board.write()
        return _result(study, settings, space, mode)
    except OutputError as error:
        cure = "What was finished is kept: make room, and run it again."
        arguments.refuse(who, "output", "be a folder that can be written", str(error), cure)
    except StorageError as error:
        cure = f"{error}. What was finished is kept: run it again."
        arguments.refuse(who, "storage", REACHED, safe(storage), cure)


def _work(study: Study, training: Training, settings: Settings, mode: str, board: _Board) -> None:
    bar = _tqdm.tqdm(
        total=settings.trials, desc=settings.step, unit="trial", disable=not settings.verbose
    )
    renew_page = _Seldom(lambda: board.write(renew=10.0))
    # Dead models are cycles: Python frees them late, and knows nothing of a GPU's memory.
    collect = _Seldom(gc.collect, wait=30.0)
    with bar:
        while True:
            for number in study.reclaim():
                TrialFolder.give_up(
                    _place(settings, number), "Its worker fell silent; taken up again."
                )
            trials = study.trials()
            ended = [trial for trial in trials if trial.state.is_finished()]
            bar.update(min(len(ended), settings.trials) - bar.n)
            if len(ended) >= settings.trials:
                return
            running = [trial for trial in trials if trial.state.name == "RUNNING"]
            if len(ended) + len(running) >= settings.trials or study.is_exhausted:
                if not running:
                    return
                time.sleep(_WAIT)  # for others to end theirs, or to fall silent
                continue
            _one_trial(study, training, settings, bar, mode)
            renew_page()
            collect()


def _one_trial(study: Study, training: Training, settings: Settings, bar: Any, mode: str) -> None:
    trial = study.ask()
    begin = time.monotonic()
    # The same point has other weights in another study.
    entropy = [settings.seed, trial.number, *settings.name.encode()]
    seed = int(np.random.SeedSequence(entropy).generate_state(1)[0] % 2**31)
    facts = {
        "number": trial.number,
        "step": settings.step,
        "params": dict(trial.params),
        "score": None,
        "reason": "",
        "seed": seed,
        "worker": settings.worker,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }

    place = _place(settings, trial.number)
    try:
        folder = TrialFolder(place, facts)
        with study.alive(trial), freed_graphs():
            outcome = train_trial(
                training, trial.params, seed, folder, partial(study.report, trial)
            )
        folder.write(
            state=outcome.state,
            score=outcome.score,
            reason=outcome.reason,
            seconds=round(time.monotonic() - begin, 2),
            **({"folds": outcome.scores} if len(outcome.scores) > 1 else {}),
        )
    except BaseException as error:  # Ctrl-C, a full disk: the trial is for someone else to take
        reason = f"Stopped by {type(error).__name__}; taken up again."
        with suppress(OutputError, StorageError):  # then it falls silent
            study.release(trial, reason)
        TrialFolder.give_up(place, reason)
        raise
    study.tell(trial, outcome.state, outcome.score, outcome.reason)
    if outcome.state == "failed":
        bar.write(f"Trial {trial.number} failed: {outcome.reason}")
    elif outcome.state == "complete" and outcome.reason:
        bar.write(f"Trial {trial.number}: {outcome.reason}")
    best = study.best_score(mode)
    if best is not None:
        bar.set_postfix_str(f"best {settings.metric} {best:.4g}")


def _place(settings: Settings, number: int) -> Path:
    return settings.output / "trials" / f"{number:05d}"


def _refuse_another(settings: Settings, storage: str | Path) -> None:
    """One study a folder: the trials of another would take the place of those that are there."""
    try:
        known = dict(json.loads((settings.output / "study.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):  # none, or half of one
        return
    for key, value in _identity(settings, storage).items():
        if known.get(key, value) != value:
            rule = f"be that of the study in {settings.output}, {known[key]!r}"
            arguments.refuse(settings.owner, key, rule, value, "Give `output` another folder.")


def _identity(settings: Settings, storage: str | Path) -> dict[str, str]:
    return {
        "name": settings.name,
        "storage": storage.name if isinstance(storage, Path) else safe(storage),
    }


def _describe(settings: Settings, storage: str | Path, space: Space, mode: str) -> None:
    facts = {
        "format": 1,
        **_identity(settings, storage),
        "metric": settings.metric.removeprefix("val_"),
        "mode": mode,
        "space": as_json(space),
    }
    try:
        with whole_file(settings.output / "study.json") as part:
            part.write_text(json.dumps(facts, indent=1), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"cannot write study.json: {error.strerror or error}") from error


class _Seldom:
    """Work that may take a hundredth of the time; the first after `wait` seconds."""

    def __init__(self, work: Callable[[], Any], wait: float = 0.0) -> None:
        self._work = work
        self._next = time.monotonic() + wait

    def __call__(self) -> None:
        begin = time.monotonic()
        if begin >= self._next:
            self._work()
            end = time.monotonic()
            self._next = end + _SHARE * (end - begin)


class _Board:
    """The page of the search."""

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.board or settings.output

    def write(self, renew: float | None = None) -> None:
        try:
            write_board(self._folder, self._folder / "board.html", renew=renew)
        except OSError as error:
            raise OutputError(f"cannot write board.html: {error.strerror or error}") from error
        except Exception as error:  # a page that cannot be drawn ends no search
            warnings.warn(f"There is no page: {type(error).__name__}: {error}", stacklevel=2)


def _result(study: Study, settings: Settings, space: Space, mode: str) -> SearchResult:
    names = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}
    trials = tuple(
        SearchedTrial(
            number=trial.number,
            params=dict(trial.params),
            state=names[trial.state.name],
            score=trial.user_attrs.get("score"),
            reason=trial.user_attrs.get("reason", ""),
            folder=_place(settings, trial.number),
        )
        for trial in study.trials()
        if trial.state.name in names
    )
    return SearchResult(settings.step, trials, settings.metric, mode, dict(space), settings.output)
