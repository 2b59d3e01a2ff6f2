"""What a trial of a search costs over the training itself.

`python benchmarks/search_cost.py` (some minutes) trains what `tune --demo` trains, the demo's
network on digits on photographs: once in a bare loop of `build` and `fit`, once as trials of
`tuning.coarse_search`, the part of `run_all` that takes its time, with everything that it keeps:
the storage, curves, seeds, the best weights, and the page. Both train as many models for as many
steps, and take turns, in either order; the figure is the median of the ratios of the two in a
turn. The rates are such that no trial ends early.
"""

import argparse
import gc
import os
import statistics
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
from tqdm import tqdm

from keras_trainkit import tuning
from keras_trainkit.demo import tuned


def searched(splits, trials, epochs, seed):
    """Seconds of a search, and what it trained."""
    space = tuned.space | {"learning_rate": tuning.LogUniform(1e-3, 0.1)}
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        found = tuning.coarse_search(
            tuned.build,
            splits,
            space,
            trials=trials,
            epochs=epochs,
            pruner=None,
            output=folder,
            seed=seed,
            verbose=0,
        )
        seconds = time.perf_counter() - begin
    assert all(trial.state == "complete" for trial in found.trials)
    return seconds, [trial.params for trial in found.trials]


def bare(splits, every_params, epochs):
    """Seconds of a loop of the same trainings."""
    begin = time.perf_counter()
    for params in every_params:
        keras.utils.set_random_seed(0)
        model = tuned.build(params)
        model.fit(
            *splits.train,
            batch_size=32,
            validation_data=splits.validation,
            epochs=epochs,
            verbose=0,
        )
    return time.perf_counter() - begin


def main():
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=5, help="of a search (5)")
    parser.add_argument("--epochs", type=int, default=3, help="of a trial (3)")
    parser.add_argument("--repeats", type=int, default=7, help="turns of each (7)")
    options = parser.parse_args()
    splits = tuned.data()
    _, params = searched(splits, options.trials, 1, 0)  # imports, and warms up
    bare(splits, params, 1)
    turns = []
    for repeat in tqdm(range(options.repeats), unit="turn"):
        turn = {}
        for kind in (("search", "bare"), ("bare", "search"))[repeat % 2]:
            gc.collect()  # neither cleans up after the other
            if kind == "search":
                turn[kind], _ = searched(splits, options.trials, options.epochs, repeat)
            else:
                turn[kind] = bare(splits, params, options.epochs)
        turns.append((turn["search"], turn["bare"]))
    ratios = sorted(whole / alone for whole, alone in turns)
    whole, alone = (statistics.median(times) / options.trials for times in zip(*turns, strict=True))
    print(
        f"a trial {whole:.2f} s, its training alone {alone:.2f} s, "
        f"ratio {statistics.median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f})"
    )


if __name__ == "__main__":
    main()
