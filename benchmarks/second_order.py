"""Evaluations of the gradient to a small one, and seconds: the kit's L-BFGS and BFGS, and others'.

`python benchmarks/second_order.py` runs it, in float64, on the losses of the tests: Rosenbrock's
valley, multinomial logistic regression on the digits, and a small network on them from five
starts (medians). SciPy's are beside them, and with KERAS_BACKEND=torch `torch.optim.LBFGS` with
its strong Wolfe search. The losses are in NumPy, the same for all; compiling is not timed.
"""

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
from losses import logistic, network, network_start, rosenbrock, rosenbrock_start
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
    "LBFGS": lambda *problem: kit(LBFGS, *problem),
    "SciPy L-BFGS-B": lambda *problem: scipy("L-BFGS-B", *problem, **EXACT),
    "BFGS": lambda *problem: kit(BFGS, *problem),
    "SciPy BFGS": lambda *problem: scipy("BFGS", *problem),
}
if keras.backend.backend() == "torch":
    RIVALS["torch LBFGS"] = torch


def main():
    """Prints a row for each problem and optimizer."""
    print(f"{'':28} {'':15} {'evaluations':>11} {'loss':>12} {'seconds':>8}")
    for problem, (loss, starts, tolerance) in PROBLEMS.items():
        for rival, run in RIVALS.items():
            if rival == "SciPy BFGS" and len(starts) > 1:
                continue  # minutes
            runs = [run(loss, start, tolerance) for start in starts]
            evaluations, value, seconds = map(statistics.median, zip(*runs, strict=True))
            print(f"{problem:28} {rival:15} {evaluations:11.0f} {value:12.3g} {seconds:8.3f}")


if __name__ == "__main__":
    main()
