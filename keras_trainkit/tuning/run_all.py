"""The seven steps in order."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import keras

from keras_trainkit._core import arguments
from keras_trainkit._core.whole_file import whole_file
from keras_trainkit.callbacks.diagnose import diagnose
from keras_trainkit.callbacks.draw_curves import require_matplotlib
from keras_trainkit.callbacks.find_learning_rate import find_learning_rate
from keras_trainkit.callbacks.initial_loss_check import check_initial_loss
from keras_trainkit.tuning.board.csv_log import read_csv
from keras_trainkit.tuning.board.trial_folder import read_json
from keras_trainkit.tuning.coarse_search import coarse_search
from keras_trainkit.tuning.overfit_small_sample import overfit_small_sample
from keras_trainkit.tuning.refine_search import refine_search
from keras_trainkit.tuning.search.folds import Folds
from keras_trainkit.tuning.search.search import Settings, search
from keras_trainkit.tuning.search.study import space_of
from keras_trainkit.tuning.search.train_trial import Build
from keras_trainkit.tuning.search_result import SearchResult
from keras_trainkit.tuning.space import Axis, Choice, LogUniform, Space, check_space
from keras_trainkit.tuning.write_board import write_board

_DECAYS = ("weight_decay", "l2")
_ROUND = 10.0  # the factor on both sides of step 3's rate that step 4 searches


@dataclass(frozen=True)
class Step:
    """One of the seven, done.

    Attributes:
        title: What was asked.
        verdict: What came of it, in sentences.
        passed: Whether the next step makes sense.
        picture: The file of its picture in the output folder, or "".
    """

    title: str
    verdict: str
    passed: bool
    picture: str = ""


@dataclass(frozen=True)
class AllSteps:
    """What `run_all` found.

    Attributes:
        steps: Those that were done, in order.
        learning_rate: Step 3's suggestion; None where it was not reached.
        searches: The coarse search and each refined one.
        output: The folder, with `board.html` in it.
    """

    steps: tuple[Step, ...]
    learning_rate: float | None
    searches: tuple[SearchResult, ...]
    output: Path

    @property
    def best(self) -> Any:
        """The best trial of all searches, of equal ones the first; None where there is none."""
        found: list[Any] = [search.best for search in self.searches if search.best is not None]
        choose = max if self.searches and self.searches[0].mode == "max" else min
        return choose(found, key=lambda trial: trial.score, default=None)

    @property
    def verdict(self) -> str:
        """All steps' verdicts, a line each."""
        return "\n".join(
            f"{i}. {step.title}: {step.verdict}" for i, step in enumerate(self.steps, 1)
        )


def run_all(
    build: Build,
    data: Any,
    space: Space,
    *,
    trials: int = 20,
    epochs: int = 3,
    best: int = 4,
    refine_epochs: int = 15,
    rounds: int = 2,
    batch_size: int = 32,
    metric: str = "val_accuracy",
    mode: str = "auto",
    output: str | os.PathLike[str] = "runs/tuning",
    storage: str | None = None,
    name: str = "tuning",
    seed: int = 0,
    worker: int = 0,
    go_on: bool = False,
    verbose: int = 1,
) -> AllSteps:
    """Walks the lecture's seven steps of choosing hyperparameters.

    1. `check_initial_loss`, 2. `overfit_small_sample`, 3. `find_learning_rate`: with the middle of
    every range, no weight decay in the first two and a small one in the third. 4. `coarse_search`,
    where a range called `learning_rate` is cut to a factor of ten on both sides of step 3's
    rate. 5. `refine_search` of the best. 6. `diagnose` of the best one's curves. 7. Again from 5,
    `rounds` times in all: the better half with other seeds, and as many new ones between them, in
    ranges that shrink.

    A step that fails ends the walk: what it says has to be mended first. `board.html` in the
    output folder shows all of it, and is renewed as the search goes on. The same call goes on
    where it was stopped, or killed: steps that are done are read, not done again. Workers on other
    machines join with the same `storage` and `name` and a `worker` number of their own; they take
    the ranges of step 4 from the study.

    Args:
        build: A function that takes a dictionary of hyperparameters and returns a new compiled
            `keras.Model`.
        data: As in `coarse_search`.
        space: As in `coarse_search`; `learning_rate`, `weight_decay` and `l2` are known by name.
        trials, epochs: Of step 4.
        best, refine_epochs: Of step 5: how many are trained, and for how long.
        rounds: How many times step 5 is done.
        batch_size, metric, mode, storage, seed, worker, verbose: As in `coarse_search`.
        output: The folder of all of it.
        name: What the studies' names begin with.
        go_on: Whether to go on where a step fails.

    Returns:
        The steps with their verdicts, the searches, and the best trial.

    Raises:
        ValueError: If an argument breaks its rule, and as `coarse_search` does.
        ModuleNotFoundError: If Optuna or matplotlib is missing.

    Example:

    >>> import tempfile
    >>> import numpy as np
    >>> from keras_trainkit import tuning
    >>> def build(params):
    ...     model = keras.Sequential(
    ...         [keras.Input((2,)), keras.layers.Dense(2, activation="softmax")]
    ...     )
    ...     optimizer = keras.optimizers.Adam(params["learning_rate"])
    ...     model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    ...     return model
    >>> x = np.random.default_rng(0).normal(size=(160, 2))
    >>> found = tuning.run_all(
    ...     build, (x, (x[:, 0] > 0).astype("int64")),
    ...     {"learning_rate": tuning.LogUniform(1e-4, 1.0)}, trials=2, epochs=1, best=1,
    ...     refine_epochs=2, output=tempfile.mkdtemp(), go_on=True, verbose=0,
    ... )
    >>> [step.title for step in found.steps[:3]]
    ['Initial loss', 'Overfit a small sample', 'Learning rate']

    Source: CS231n 2020, lecture 8, "Choosing hyperparameters".
    """
    who = "run_all"
    if not callable(build):
        arguments.refuse(who, "build", "be a function of hyperparameters", build)
    space = check_space(who, space)
    counts = {"best": best, "refine_epochs": refine_epochs, "rounds": rounds}
    for key, value in counts.items():
        arguments.integer(who, key, value, 1)
    # What the searches need is looked at now, not after three steps.
    Settings(
        who, "coarse", trials, epochs, batch_size, metric, mode, seed=seed, worker=worker
    ).checked()
    require_matplotlib()
    walk = _Walk(who, Path(output), verbose)
    coarse = f"{name}-coarse"
    storage_of_coarse = storage or walk.output / "coarse" / "journal.log"
    space_of(who, coarse, storage_of_coarse)
    train, validation = next(iter(Folds(who, data, 1, 0.2, seed)))

    def plain(decay: bool) -> keras.Model:
        return build(_middle(space, decay))

    def initial() -> Any:
        keras.utils.set_random_seed(seed)
        return check_initial_loss(plain(False), train)

    first: list[tuple[str, Callable[[], Any], str]] = [
        ("Initial loss", initial, ""),
        (
            "Overfit a small sample",
            lambda: overfit_small_sample(
                partial(plain, False), train, batch_size=batch_size, seed=seed
            ),
            "",
        ),
        (
            "Learning rate",
            lambda: find_learning_rate(
                partial(plain, True), (train, validation), batch_size=batch_size, seed=seed
            ),
            "learning_rate.png",
        ),
    ]
    for title, do, picture in first:
        if not (walk.take(title, do, picture).passed or go_on):
            return walk.result(())

    common: dict[str, Any] = {
        "batch_size": batch_size,
        "storage": storage,
        "seed": seed,
        "worker": worker,
        "verbose": verbose,
        "board": walk.output,
    }
    searches = [
        coarse_search(
            build,
            data,
            _cut(space, walk.learning_rate, space_of(who, coarse, storage_of_coarse)),
            trials=trials,
            epochs=epochs,
            metric=metric,
            mode=mode,
            output=walk.output / "coarse",
            name=coarse,
            **common,
        )
    ]
    walk.add(Step("Coarse search", searches[0].verdict, searches[0].best is not None))
    for number in range(1, rounds + 1):
        if searches[-1].best is None:
            break
        half = (best + 1) // 2
        refined = _refined(
            build,
            data,
            searches[-1],
            best=best if number == 1 else half,
            trials=None if number == 1 else max(best, half + 1),
            epochs=refine_epochs,
            output=walk.output / f"refine-{number}",
            name=f"{name}-refine-{number}",
            **common,
        )
        searches.append(refined)
        again = f", round {number}" if number > 1 else ""
        verdict = refined.verdict + _left_out(searches[-2], refined)
        walk.add(Step(f"Refined search{again}", verdict, refined.best is not None))
        if refined.best is not None:
            walk.add(Step(f"Curves of the best{again}", _diagnosed(refined), True))
    return walk.result(searches)


class _Walk:
    """The steps so far, in `steps.json` too, so that a later call reads them."""

    def __init__(self, owner: str, output: Path, verbose: int) -> None:
        self._owner = owner
        self.output = output
        self._verbose = verbose
        self._steps: list[Step] = []
        self.learning_rate: float | None = None
        self._known: dict[str, Any] = {}
        with self._writing():
            output.mkdir(parents=True, exist_ok=True)
        if (output / "steps.json").exists():
            with suppress(ValueError):  # half-written: the steps are done again
                self._known = read_json(output / "steps.json")

    def take(self, title: str, do: Callable[[], Any], picture: str) -> Step:
        """Does one of the first three steps, unless it was done before."""
        known = self._known.get(title)
        if isinstance(known, dict) and known.get("passed") is True and "verdict" in known:
            self.learning_rate = known.get("learning_rate", self.learning_rate)
            return self.add(Step(title, str(known["verdict"]), True, picture))
        # Done anew where it failed: it may have been mended.
        try:
            found = do()
        except Exception as error:  # of `build`, or a model that this step cannot judge
            words = next(iter(str(error).splitlines()), "")
            return self.add(
                Step(title, f"It could not be done: {type(error).__name__}: {words}", False)
            )
        if picture:
            with self._writing(), whole_file(self.output / picture) as part:
                found.plot(part)
        self.learning_rate = getattr(found, "learning_rate", self.learning_rate)
        passed = getattr(found, "passed", self.learning_rate is not None)
        return self.add(Step(title, found.verdict, bool(passed), picture))

    def add(self, step: Step) -> Step:
        """Keeps a step, and says what came of it."""
        self._steps.append(step)
        self._known[step.title] = asdict(step)
        if self.learning_rate is not None:
            self._known[step.title]["learning_rate"] = self.learning_rate
        with self._writing(), whole_file(self.output / "steps.json") as part:
            part.write_text(json.dumps(self._known, indent=1), encoding="utf-8")
        if self._verbose:
            print(f"{len(self._steps)}. {step.title}: {step.verdict}", flush=True)
        return step

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            rule = f"be a folder that can be written ({error.strerror})"
            arguments.refuse(self._owner, "output", rule, str(self.output))

    def result(self, searches: Sequence[SearchResult]) -> AllSteps:
        """All of it, with the page."""
        if searches:
            write_board(self.output, self.output / "board.html")
        return AllSteps(tuple(self._steps), self.learning_rate, tuple(searches), self.output)


def _middle(space: Space, decay: bool) -> dict[str, Any]:
    """The middle of every range; of weight decay nothing, or a little."""
    chosen = {}
    for name, axis in space.items():
        values = axis.grid(3)
        chosen[name] = values[len(values) // 2] if not isinstance(axis, Choice) else values[0]
        if name in _DECAYS and isinstance(values[0], int | float):
            least, *more = sorted(values)
            chosen[name] = more[0] if decay and more and not least else least
    return chosen


def _cut(space: Space, rate: float | None, known: Mapping[str, Axis] | None) -> dict[str, Axis]:
    """The space of step 4: round the rate of step 3, or as another worker has cut it."""
    axis = space.get("learning_rate")
    if not isinstance(axis, LogUniform):
        return dict(space)
    if known is not None and {**known, "learning_rate": axis} == dict(space):
        return dict(known)
    if rate is None:
        return dict(space)
    low, high = max(axis.low, rate / _ROUND), min(axis.high, rate * _ROUND)
    return {**space, "learning_rate": LogUniform(low, high) if low < high else axis}


def _refined(
    build: Build, data: Any, coarse: SearchResult, *, best: int, trials: int | None, **options: Any
) -> SearchResult:
    """`refine_search`, in the ranges of the worker that began it: later ones know more trials."""
    who, output = "run_all", options["output"]
    known = space_of(who, options["name"], options["storage"] or output / "journal.log")
    if known is None:
        return refine_search(build, data, coarse, best=best, trials=trials, **options)
    chosen = [trial.params for trial in coarse.best_trials(best)]
    settings = Settings(
        who, "refine", trials or len(chosen), metric=coarse.metric, mode=coarse.mode, **options
    )
    inside = [params for params in chosen if all(known[name].holds(params[name]) for name in known)]
    found = search(build, data, known, settings, first=inside)
    taken = [trial.params for trial in found.trials]
    new = [params for params in inside if params not in taken]  # of a search that has grown since
    if not new:
        return found
    return search(build, data, known, replace(settings, trials=len(taken) + len(new)), first=new)


def _left_out(before: SearchResult, refined: SearchResult) -> str:
    """Words where the best of a search that has grown lies outside the refined ranges."""
    if before.best is None or before.best.params in [trial.params for trial in refined.trials]:
        return ""
    return (
        " The best of the search before it was found later, outside of these ranges: to refine it, "
        "give `output` another folder."
    )


def _diagnosed(refined: SearchResult) -> str:
    """What the curves of the best trial say, on its first split; another machine's are not read."""
    files = sorted(refined.best.folder.glob("curves*.csv")) if refined.best else []
    if not files:
        return "They are where that trial was trained."
    curves = {name: values.tolist() for name, values in read_csv(files[0]).items()}
    metric = refined.metric.removeprefix("val_")
    return diagnose(curves, metric, refined.mode).verdict
