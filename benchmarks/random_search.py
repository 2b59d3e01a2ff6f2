"""Random search against a grid of as many trials: how often each finds the better model.

`python benchmarks/random_search.py` (some minutes; `--function` alone takes a second) looks at

- a function of two numbers of which one is important, as the lecture draws it: a narrow peak along
  the first at a place that nobody knows, a broad bump a tenth as high along the second;
- a real search with `tuning.coarse_search`: the learning rate of SGD with momentum, over four
  decades, and dropout, of a small network on scikit-learn's digits, 16 trials of 3 epochs, judged
  by the validation loss. A grid has four values of each, random search sixteen. Where the four
  decades begin is drawn anew for each seed, within two decades: who names a range does not know
  where the best rate lies in it, and a grid's luck is whether one of its four values is near.

`--picture FILE` draws both.

Source: CS231n 2020, lecture 8, "Random search vs. grid search"; Bergstra and Bengio 2012.
"""

import argparse
import os
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from sklearn.datasets import load_digits
from tqdm import tqdm

from keras_trainkit import tuning

SIDE = 4  # values of each hyperparameter in the grid
WIDTH = 0.05  # of the peak, where the range is 1


def important(x, peak):
    """The part of the function that matters."""
    return np.exp(-(((x - peak) / WIDTH) ** 2) / 2)


def unimportant(y, bump):
    """The part that hardly does."""
    return 0.1 * np.exp(-(((y - bump) / 0.3) ** 2) / 2)


def points(sampler, rng, side):
    """Where a search looks."""
    if sampler == "random":
        return rng.uniform(size=(side**2, 2))
    values = tuning.Uniform(0.0, 1.0).grid(side)
    return np.array([(x, y) for x in values for y in values])


def on_the_function(side, seeds):
    """How often random search ends higher, and the mean of the best value of each."""
    best = []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        peak, bump = rng.uniform(size=2)
        best.append(
            [
                max(important(x, peak) + unimportant(y, bump) for x, y in points(name, rng, side))
                for name in ("random", "grid")
            ]
        )
    random, grid = np.transpose(best)
    return (random > grid).mean(), random.mean(), grid.mean()


def build(params):
    """A small network on 8 x 8 pixels."""
    layers = [
        keras.Input((64,)),
        keras.layers.Dense(64, "relu"),
        keras.layers.Dropout(params["dropout"]),
        keras.layers.Dense(10, "softmax"),
    ]
    model = keras.Sequential(layers)
    optimizer = keras.optimizers.SGD(params["learning_rate"], momentum=0.9)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    return model


def real_search(sampler, seed):
    """The trials of one search."""
    x, y = load_digits(return_X_y=True)
    low = 10 ** np.random.default_rng(seed).uniform(-5, -3)
    space = {
        "learning_rate": tuning.LogUniform(low, 1e4 * low),
        "dropout": tuning.Uniform(0.0, 0.5),
    }
    with tempfile.TemporaryDirectory() as folder:
        return tuning.coarse_search(
            build,
            ((x - 8) / 6, y),
            space,
            trials=SIDE**2,
            epochs=3,
            metric="val_loss",
            sampler=sampler,
            pruner=None,
            output=folder,
            seed=seed,
            verbose=0,
        )


def draw(file, searches):
    """The lecture's picture, and the real one beside it."""
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
    rng, line = np.random.default_rng(1), np.linspace(0, 1, 300)
    peak = 0.55
    for panel, name in zip(panels, ("grid", "random"), strict=False):
        tried = points(name, rng, SIDE)
        panel.plot(line, 1.1 + 0.4 * important(line, peak), "C2")
        panel.plot(*tried.T, "ko", markersize=4)
        panel.plot(tried[:, 0], 1.1 + 0.4 * important(tried[:, 0], peak), "C3o", markersize=5)
        panel.set(
            title=f"{name}: {len(set(tried[:, 0]))} values of what matters",
            xlabel="important",
            ylabel="unimportant",
            xticks=[],
            yticks=[],
        )
    if searches:
        random, grid = (
            [min(trial.score for trial in search.trials if trial.score is not None) for search in s]
            for s in zip(*searches, strict=True)
        )
        ends = [0.9 * min(random + grid), 1.1 * max(random + grid)]
        panels[2].loglog(ends, ends, "0.7")
        panels[2].loglog(grid, random, "C0o")
        panels[2].set(
            title="best validation loss, 16 trials, a dot a seed",
            xlabel="grid",
            ylabel="random (below the line: better)",
        )
    figure.savefig(file, dpi=130)


def main():
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20, help="real searches of each kind (20)")
    parser.add_argument("--function", action="store_true", help="the function alone")
    parser.add_argument("--picture", help="where to draw what was found")
    options = parser.parse_args()

    print(f"{'function, 1,000 peaks':28}{'random better':>14}{'random':>9}{'grid':>9}")
    for side in (3, 4, 5):
        share, *means = on_the_function(side, 1000)
        print(
            f"{f'{side**2} trials, mean best value':28}{share:14.1%}{means[0]:9.3f}{means[1]:9.3f}"
        )
    if options.function:
        return
    searches = [
        [real_search(sampler, seed) for sampler in ("random", "grid")]
        for seed in tqdm(range(options.seeds), unit="seed", desc="real search")
    ]
    if options.picture:
        draw(options.picture, searches)
    losses = np.array([[search.best.score for search in pair] for pair in searches])
    random, grid = losses.T
    print(
        f"\n{f'digits, {len(losses)} seeds':28}{'random better':>14}{'random':>9}{'grid':>9}\n"
        f"{'16 trials, median best loss':28}{(random < grid).mean():14.1%}"
        f"{np.median(random):9.3f}{np.median(grid):9.3f}"
    )


if __name__ == "__main__":
    main()
