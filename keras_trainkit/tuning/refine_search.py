"""Step 5: the best settings, trained for longer."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras

from keras_trainkit._core import arguments
from keras_trainkit.tuning.search.search import Settings, search
from keras_trainkit.tuning.search.train_trial import Build
from keras_trainkit.tuning.search_result import SearchResult


def refine_search(
    build: Build,
    data: Any,
    coarse: SearchResult,
    *,
    best: int = 4,
    trials: int | None = None,
    epochs: int = 15,
    batch_size: int = 32,
    sampler: str = "random",
    pruner: str | None = "median",
    splits: int = 1,
    validation_share: float | None = 0.2,
    callbacks: Callable[[], Sequence[keras.callbacks.Callback]] | None = None,
    time_limit: float | None = None,
    output: str | os.PathLike[str] | None = None,
    storage: str | None = None,
    name: str = "refine",
    seed: int = 0,
    worker: int = 0,
    verbose: int = 1,
    board: str | os.PathLike[str] | None = None,
) -> SearchResult:
    """Trains the best of a search for longer, and others between them where more are asked for.

    The ranges shrink to what the best have, half their spread wider on each side; a hyperparameter
    of choices keeps those of the best. The learning rate is not decayed, unless `build` does it:
    what is sought are settings, and a decay would hide a rate that is too high.

    Args:
        build: As in `coarse_search`.
        data: As in `coarse_search`.
        coarse: What `coarse_search`, or an earlier `refine_search`, has found.
        best: How many of its best are trained again, from the start.
        trials: How many there shall be, those among them; None is those alone.
        epochs: Of each trial.
        output: The folder, another than that of `coarse`; None is `name` beside it.
        batch_size, sampler, pruner, splits, validation_share: As in `coarse_search`.
        callbacks, time_limit, storage, name: As in `coarse_search`.
        seed, worker, verbose, board: As in `coarse_search`.

    Returns:
        The trials, the best of them, and the verdict.

    Raises:
        ValueError: If an argument breaks its rule, no trial of `coarse` was trained to the end, or
            `coarse` is the search in `output` itself; and as `coarse_search` does.

    Example:

    >>> import tempfile
    >>> import numpy as np
    >>> from keras_trainkit import tuning
    >>> def build(params):
    ...     model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    ...     model.compile(keras.optimizers.SGD(params["learning_rate"]), "mse")
    ...     return model
    >>> x = np.random.default_rng(0).normal(size=(64, 2))
    >>> folder = tempfile.mkdtemp()
    >>> coarse = tuning.coarse_search(
    ...     build, (x, x.sum(1)), {"learning_rate": tuning.LogUniform(1e-3, 1.0)},
    ...     trials=3, epochs=1, metric="val_loss", output=folder + "/coarse", verbose=0,
    ... )
    >>> refined = tuning.refine_search(
    ...     build, (x, x.sum(1)), coarse, best=2, epochs=4, verbose=0
    ... )
    >>> len(refined.trials), refined.trials[0].params == coarse.best.params
    (2, True)

    Source: CS231n 2020, lecture 8, "Choosing hyperparameters", step 5.
    """
    if not isinstance(coarse, SearchResult):
        rule = "be what `coarse_search` or `refine_search` returned"
        arguments.refuse("refine_search", "coarse", rule, type(coarse).__name__)
    best = arguments.integer("refine_search", "best", best, 1)
    folder = coarse.output.parent / name if output is None else Path(output)
    if folder.resolve() == coarse.output.resolve():
        rule = "be another folder than that of `coarse`"
        cure = "Without an `output`, give this search another `name`."
        arguments.refuse("refine_search", "output", rule, str(folder), cure)
    chosen = coarse.best_trials(best)
    if not chosen:
        rule = "hold a trial that was trained to the end"
        arguments.refuse("refine_search", "coarse", rule, coarse.verdict)
    space = {
        key: axis.narrowed([trial.params[key] for trial in chosen])
        for key, axis in coarse.space.items()
    }
    settings = Settings(
        "refine_search",
        "refine",
        len(chosen) if trials is None else trials,
        epochs,
        batch_size,
        coarse.metric,
        coarse.mode,
        sampler,
        pruner,
        splits,
        validation_share,
        callbacks,
        time_limit,
        folder,
        storage,
        name,
        seed,
        worker,
        verbose,
        None if board is None else Path(board),
    )
    return search(build, data, space, settings, first=[trial.params for trial in chosen])
