"""Evaluations of the gradient to a small one: the kit's optimizers, and SciPy's."""

import numpy as np
from keras import ops
from optimizer_runs import REGIMES, stepper, variables_of
from scipy import optimize
from threadpoolctl import threadpool_limits

# NumPy's threads and the backend's, each waiting for the other, take ten times as long.
on_one_thread = threadpool_limits.wrap(1)
QUICK = REGIMES[min(1, len(REGIMES) - 1)]  # a graph, but not yet XLA


class _SmallEnough(Exception):  # noqa: N818
    pass


@on_one_thread
def with_kit(optimizer, loss, start, tolerance, most=5000, regime=QUICK):
    """The number of evaluations, and the loss there."""
    (weight,) = variables_of(start)
    step = stepper(optimizer, [weight], regime)
    for evaluations in range(1, most + 1):
        value, gradient = loss(ops.convert_to_numpy(weight))
        if np.linalg.norm(gradient) <= tolerance:
            return evaluations, value
        step([gradient])
    raise AssertionError(f"not there after {most} evaluations")


@on_one_thread
def with_scipy(method, loss, start, tolerance, **options):
    """The same, of `scipy.optimize.minimize`."""
    evaluations, last = 0, None

    def counted(x):
        nonlocal evaluations, last
        last, gradient = loss(x)
        evaluations += 1
        if np.linalg.norm(gradient) <= tolerance:
            raise _SmallEnough
        return last, gradient

    try:
        optimize.minimize(counted, start, jac=True, method=method, options={"gtol": 0, **options})
    except _SmallEnough:
        return evaluations, last
    raise AssertionError("SciPy did not get there")
