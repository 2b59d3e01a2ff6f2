"""Evaluations of the gradient to a small one, and seconds: the kit's L-BFGS and BFGS, and others'.

`make test-torch` makes the environment that has them all, the kit, SciPy, and `torch.optim.LBFGS`
with its strong Wolfe search; then

    KERAS_BACKEND=tensorflow .venv-torch-backend/bin/python benchmarks/second_order.py

runs it, in float64. (Without torch it goes on without that.) First losses in NumPy, the same for
all: Rosenbrock's valley, multinomial logistic regression on the digits, and a small network on
them from five starts (medians). Then that regression as a Keras model on the full batch of 1,797
digits, in `model.fit` on a repeated dataset: there the gradient is Keras'. Compiling is not timed.
"""

import argparse
import functools
import importlib.util
import os
import pathlib
import statistics
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.append(str(pathlib.Path(__file__).parents[1] / "tests" / "optimizers"))

import keras
import numpy as np
from keras import ops
from losses import digits, logistic, network, network_start, rosenbrock, rosenbrock_start
from minimize import on_one_thread, with_scipy
from optimizer_runs import REGIMES, stepper, variables_of

from keras_trainkit.optimizers import BFGS, LBFGS

PROBLEMS = {
    "Rosenbrock, 2": (rosenbrock, [rosenbrock_start(2)], 1e-6),
    "Rosenbrock, 100": (rosenbrock, [rosenbrock_start(100)], 1e-6),
    "logistic regression, 650": (logistic, [np.zeros(650)], 1e-6),
    "network, 1,210, five starts": (network, [network_start(seed) for seed in range(5)], 1e-3),
}
EXACT = {"maxcor": 10, "ftol": 0, "maxiter": 10**5, "maxfun": 10**5}


@on_one_thread
def kit(make, loss, start, tolerance):
    """Evaluations, the loss reached, and seconds."""
    (weight,) = variables = variables_of(start)
    step = stepper(make(), variables, REGIMES[-1])
    step([np.full_like(start, np.nan)])  # compiles, and is skipped
    begin = time.perf_counter()
    for evaluations in range(1, 10_000):
        value, gradient = loss(ops.convert_to_numpy(weight))
        if np.linalg.norm(gradient) <= tolerance:
            return evaluations, value, time.perf_counter() - begin
        step([gradient])
    return float("nan"), value, time.perf_counter() - begin


def kit_in_fit(make, loss, start, tolerance):
    """The same in one epoch of `fit`, as long as it takes, of the regression as a model."""
    import tensorflow as tf

    images, _, target = digits()
    least = kit(make, loss, start, tolerance)[0] + 2  # the last trial has to be accepted, too
    data = tf.data.Dataset.from_tensors((images, target)).repeat()
    decay = keras.regularizers.L2(0.0005)
    dense = keras.layers.Dense(10, kernel_regularizer=decay, bias_regularizer=decay)
    model = keras.Sequential([keras.layers.Input((64,)), dense])
    cross_entropy = keras.losses.CategoricalCrossentropy(from_logits=True)
    compiled = keras.backend.backend() != "torch"
    model.compile(make(), cross_entropy, jit_compile=compiled)
    model.fit(data, steps_per_epoch=2, shuffle=False, verbose=0)  # compiles
    for steps in range(least, 2 * least, 5):
        dense.set_weights([np.zeros((64, 10)), np.zeros(10)])  # a new start
        begin = time.perf_counter()
        model.fit(data, steps_per_epoch=steps, shuffle=False, verbose=0)
        seconds = time.perf_counter() - begin
        value, gradient = loss(np.vstack(dense.get_weights()).ravel())
        if np.linalg.norm(gradient) <= tolerance:
            return steps, value, seconds
    return float("nan"), value, seconds


def scipy(method, loss, start, tolerance, **options):
    """The same of `scipy.optimize.minimize`."""
    begin = time.perf_counter()
    return *with_scipy(method, loss, start, tolerance, **options), time.perf_counter() - begin


@on_one_thread
def torch(loss, start, tolerance):
    """The same of `torch.optim.LBFGS`."""
    import torch

    weight, evaluations, value = torch.tensor(start, requires_grad=True), 0, None
    optimizer = torch.optim.LBFGS(
        [weight],
        max_iter=10_000,
        max_eval=10_000,
        history_size=10,
        tolerance_grad=0,
        tolerance_change=0,
        line_search_fn="strong_wolfe",
    )

    def closure():
        nonlocal evaluations, value
        evaluations += 1
        value, gradient = loss(weight.detach().numpy())
        if np.linalg.norm(gradient) <= tolerance:
            raise StopIteration
        weight.grad = torch.tensor(gradient)
        return torch.tensor(value)

    begin = time.perf_counter()
    try:
        optimizer.step(closure)
    except StopIteration:
        return evaluations, value, time.perf_counter() - begin
    return float("nan"), value, time.perf_counter() - begin


RIVALS = {
    "LBFGS": functools.partial(kit, LBFGS),
    "LBFGS in fit": functools.partial(kit_in_fit, LBFGS),
    "SciPy L-BFGS-B": functools.partial(scipy, "L-BFGS-B", **EXACT),
    "torch LBFGS": torch,
    "BFGS": functools.partial(kit, BFGS),
    "BFGS in fit": functools.partial(kit_in_fit, BFGS),
    "SciPy BFGS": functools.partial(scipy, "BFGS"),
}


def rivals(problem):
    """Those that take part."""
    without = set() if importlib.util.find_spec("torch") else {"torch LBFGS"}
    if problem != "logistic regression, 650":
        without |= {"LBFGS in fit", "BFGS in fit"}
    if problem.startswith("network"):
        without |= {"SciPy BFGS"}  # minutes
    return {name: run for name, run in RIVALS.items() if name not in without}


def main():
    """Prints a row for each problem and optimizer."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3, help="runs, of which the fastest counts")
    repeats = parser.parse_args().repeats
    keras.config.set_floatx("float64")
    print(f"Keras on {keras.backend.backend()}")
    print(f"{'':28} {'':15} {'evaluations':>11} {'loss':>12} {'seconds':>8}", flush=True)
    for problem, (loss, starts, tolerance) in PROBLEMS.items():
        for rival, run in rivals(problem).items():
            runs = []
            for start in starts:
                again = [run(loss, start, tolerance) for _ in range(repeats)]
                runs.append(min(again, key=lambda row: row[2]))
            evaluations, value, seconds = map(statistics.median, zip(*runs, strict=True))
            row = f"{problem:28} {rival:15} {evaluations:11.0f} {value:12.3g} {seconds:8.3f}"
            print(row, flush=True)


if __name__ == "__main__":
    main()
