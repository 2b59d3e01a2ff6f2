"""Step 4: many settings, a few epochs each."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras

from keras_trainkit.tuning.search.search import Settings, search
from keras_trainkit.tuning.search.train_trial import Build
from keras_trainkit.tuning.search_result import SearchResult
from keras_trainkit.tuning.space import Space


def coarse_search(
    build: Build,
    data: Any,
    space: Space,
    *,
    trials: int = 20,
    epochs: int = 3,
    batch_size: int = 32,
    metric: str = "val_accuracy",
    mode: str = "auto",
    sampler: str = "random",
    pruner: str | None = "median",
    splits: int = 1,
    validation_share: float | None = 0.2,
    callbacks: Callable[[], Sequence[keras.callbacks.Callback]] | None = None,
    time_limit: float | None = None,
    output: str | os.PathLike[str] = "runs/tuning/coarse",
    storage: str | None = None,
    name: str = "coarse",
    seed: int = 0,
    worker: int = 0,
    verbose: int = 1,
    board: str | os.PathLike[str] | None = None,
) -> SearchResult:
    """Trains many models for a few epochs, with hyperparameters drawn at random.

    Random search sees as many values of each hyperparameter as there are trials, where a grid
    sees few, again and again. Trials that are hopeless by their curves are given up. A trial
    that raises, gives NaN, or whose model is not compiled is marked with the reason, and the
    search goes on.

    Trials of few steps judge batch normalisation by moving statistics that lag behind: Keras'
    momentum of 0.99 asks for some hundred steps, 0.9 for some tens.

    Whatever ends the search, what is finished is kept: the same call goes on where it was, and
    loses the trial that ran at most. Several workers share a study where they name the same
    `storage` and `name`, each with a `worker` number of its own.

    Args:
        build: A function that takes a dictionary of hyperparameters and returns a new compiled
            `keras.Model`.
        data: `(train, validation)`, each `(x, y[, sample_weight])` or a dataset; an object with
            `train` and `validation`; or `(x, y[, sample_weight])` of arrays, which are split.
        space: Maps the name of each hyperparameter to `LogUniform`, `Uniform`, `IntUniform` or
            `Choice`.
        trials: How many there shall be, those of other workers and of an earlier call included;
            workers that start at the same instant may make one more each.
        epochs: Of each trial.
        batch_size: Of arrays; datasets have their own.
        metric: The entry of the logs that judges; a trial's score is its best epoch's.
        mode: `"max"`, `"min"`, or `"auto"` to go by the metric's name.
        sampler: `"random"`; `"grid"`, four values of each range; `"tpe"`, `"gp"`, `"cmaes"`,
            `"qmc"` or `"nsgaii"`, Optuna's (some ask for a package more).
        pruner: `"median"`, `"hyperband"`, `"successive_halving"`, or None to train all to the
            end. It looks at the first split.
        splits: How many times arrays are split, each trial training a model for each.
        validation_share: The share that validates, drawn anew for each split; None divides the
            rows into `splits` folds. Class numbers are split class by class, where each class
            has rows enough.
        callbacks: A function that returns new callbacks for each training.
        time_limit: Seconds for one training, checked after each epoch.
        output: The folder of curves, snapshots and the board, of this study alone.
        storage: Any storage URL of Optuna's, such as `postgresql://...`; None is a journal file
            in `output`.
        name: The study's name in the storage.
        seed: Of the draws and of each trial's weights and shuffling.
        worker: The number of this worker among those that share the study.
        verbose: 0 shows no progress.
        board: The folder whose `board.html` is renewed as the search goes on; None is `output`.

    Returns:
        The trials, the best of them, and the verdict.

    Raises:
        ValueError: If an argument breaks its rule, the storage cannot be reached or holds a study
            of this name with another `space`, `metric`, `mode`, `epochs`, `batch_size`, `splits`
            or `validation_share`, or `output` cannot be written or holds another study.
        ModuleNotFoundError: If Optuna is missing, or a package that the sampler needs.

    Example:

    >>> import tempfile
    >>> import numpy as np
    >>> from keras_trainkit import tuning
    >>> def build(params):
    ...     model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    ...     model.compile(keras.optimizers.SGD(params["learning_rate"]), "mse")
    ...     return model
    >>> x = np.random.default_rng(0).normal(size=(64, 2))
    >>> result = tuning.coarse_search(
    ...     build, (x, x.sum(1)), {"learning_rate": tuning.LogUniform(1e-3, 1.0)},
    ...     trials=3, epochs=2, metric="val_loss", output=tempfile.mkdtemp(), verbose=0,
    ... )
    >>> len(result.trials), result.best.params.keys()
    (3, dict_keys(['learning_rate']))

    Source: CS231n 2020, lecture 8, "Choosing hyperparameters", step 4; Bergstra and Bengio 2012,
    "Random search for hyper-parameter optimization".
    """
    settings = Settings(
        "coarse_search",
        "coarse",
        trials,
        epochs,
        batch_size,
        metric,
        mode,
        sampler,
        pruner,
        splits,
        validation_share,
        callbacks,
        time_limit,
        Path(output),
        storage,
        name,
        seed,
        worker,
        verbose,
        None if board is None else Path(board),
    )
    return search(build, data, space, settings)
