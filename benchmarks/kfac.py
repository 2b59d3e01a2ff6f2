"""Steps and seconds to a training loss: K-FAC beside Adam and SGD, on an autoencoder of the digits.

`python benchmarks/kfac.py` takes the loss that Adam, at the best rate of a small grid, has after
500 steps (the median over the seeds), once on the full batch and once at batch 256, and counts
the steps of each optimizer to it, at the best rate of its own grid; K-FAC has only its default.
The loss is that of all the digits, every 7 steps at batch 256. Compiling and looking at the loss
are not timed. `--seeds 5` and `--batches 256` change what is run; KERAS_BACKEND chooses between
TensorFlow, JAX and torch.
"""

import argparse
import os
import statistics
import sys
import time
from dataclasses import dataclass

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits

from keras_trainkit.optimizers import KFAC, SGD, Adam

STEPS = 500  # of Adam, to the loss that all are to reach
LIMIT = 1_000
X = (load_digits().data / 16).astype("float32")


def autoencoder():
    """64-32-16-32-64, of tanh units, with bits for pixels."""
    widths = [layers.Dense(width, "tanh") for width in (32, 16, 32)]
    return keras.Sequential([layers.Input((64,)), *widths, layers.Dense(64, "sigmoid")])


def plain(optimizer):
    """The network under a Keras optimizer."""
    model = autoencoder()
    model.compile(optimizer, "binary_crossentropy")
    return model


def kfac(optimizer):
    """The network under K-FAC, with an optimizer for its steps."""
    model = KFAC(autoencoder())
    model.compile(optimizer, loss="binary_crossentropy")
    return model


RIVALS = {
    "Adam": (lambda: plain(Adam(0.01)), (0.003, 0.01, 0.02)),
    "SGD, momentum 0.9": (lambda: plain(SGD(1.0, momentum=0.9)), (1.0, 3.0, 10.0)),
    "K-FAC": (lambda: kfac(None), (0.3,)),
}


@dataclass
class Run:
    """The losses at every look, the steps between two, and the seconds of one step."""

    losses: list[float]
    every: int
    seconds: float

    def steps_to(self, target):
        """The steps to a loss, or infinity."""
        reached = (i for i, loss in enumerate(self.losses) if loss <= target)
        return self.every * next(reached, float("inf"))


def run(model, start, rate, batch, seed, target):
    """Trains from the weights of a seed, to the target or the limit."""
    for variable, value in start:
        variable.assign(value)
    keras.utils.set_random_seed(seed)
    for variable, value in zip(model.trainable_variables, autoencoder().get_weights(), strict=True):
        variable.assign(value)
    model.optimizer.learning_rate = rate
    rng, losses, seconds, steps = np.random.default_rng(seed), [], 0.0, 0
    every = len(X) // batch
    while steps <= LIMIT:
        losses.append(look(model))
        if losses[-1] <= target:
            break
        order = rng.permutation(len(X)) if every > 1 else slice(None)
        begin = time.perf_counter()
        for rows in np.split(X[order][: every * batch], every):
            model.train_on_batch(rows, rows)
        seconds += time.perf_counter() - begin
        steps += every
    return Run(losses, every, seconds / max(steps, 1))


def look(model):
    """The loss of all the digits."""
    model.reset_metrics()
    loss = float(model.test_on_batch(X, X))
    model.reset_metrics()
    return loss


def compete(batch, seeds):
    """The target, and for each rival the best rate, its steps and its seconds."""
    target, rows = 0.0, []
    for name, (make, rates) in RIVALS.items():
        model = make()
        model.optimizer.build(model.trainable_variables)
        variables = [*model.variables, *model.optimizer.variables]
        start = [(variable, keras.ops.convert_to_numpy(variable).copy()) for variable in variables]
        model.train_on_batch(X[:batch], X[:batch])  # compiles
        look(model)
        runs = {}
        for rate in rates:
            runs[rate] = [run(model, start, rate, batch, seed, target) for seed in range(seeds)]
            last = statistics.median(r.losses[-1] for r in runs[rate])
            print(f"  {name}, rate {rate}: to {last:.4f}", file=sys.stderr, flush=True)
        if not rows:
            at = -(-STEPS // runs[rates[0]][0].every)
            target = min(statistics.median(r.losses[at] for r in group) for group in runs.values())
        best = min(runs, key=lambda rate: statistics.median(r.steps_to(target) for r in runs[rate]))
        steps = [r.steps_to(target) for r in runs[best]]
        seconds = [r.steps_to(target) * r.seconds for r in runs[best]]
        each = statistics.median(r.seconds for r in runs[best])
        rows.append((name, best, steps, statistics.median(seconds), 1e3 * each))
    return target, rows


def main():
    """Prints a table for each batch size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--batches", type=int, nargs="+", default=[len(X), 256])
    options = parser.parse_args()
    for batch in options.batches:
        target, rows = compete(batch, options.seeds)
        of_adam = statistics.median(rows[0][2])
        print(f"batch {batch}, to a loss of {target:.4f} ({keras.backend.backend()})")
        print(f"  {'':18} {'rate':>6} {'steps':>6} {'of seeds':>15} {'fewer':>6}"
              f" {'seconds':>8} {'ms/step':>8}")  # fmt: skip
        for name, rate, steps, seconds, each in rows:
            middle = statistics.median(steps)
            print(
                f"  {name:18} {rate:6g} {middle:6g} {min(steps):>7g}-{max(steps):<7g}"
                f" {of_adam / middle:5.1f}x {seconds:8.2f} {each:8.2f}"
            )


if __name__ == "__main__":
    main()
