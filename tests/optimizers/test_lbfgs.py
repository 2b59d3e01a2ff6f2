"""What L-BFGS costs beside SciPy's: evaluations of the gradient, and the same minimum."""

import numpy as np
import pytest
from losses import logistic, network, network_start, rosenbrock, rosenbrock_start
from minimize import with_kit, with_scipy

from keras_trainkit.optimizers import LBFGS

EXACT = {"maxcor": 10, "ftol": 0, "maxiter": 10**5, "maxfun": 10**5}


@pytest.mark.parametrize(
    ("loss", "start"),
    [
        (rosenbrock, rosenbrock_start(2)),
        (rosenbrock, rosenbrock_start(100)),
        (logistic, np.zeros(650)),
    ],
    ids=["rosenbrock 2", "rosenbrock 100", "logistic regression"],
)
def test_evaluations_to_a_gradient_of_a_millionth(loss, start):
    mine, minimum = with_kit(LBFGS(), loss, start, 1e-6)
    theirs, same = with_scipy("L-BFGS-B", loss, start, 1e-6, **EXACT)
    assert mine <= 1.2 * theirs
    assert minimum == pytest.approx(same, abs=1e-9)


def test_evaluations_on_a_network():
    starts = [network_start(seed) for seed in range(5)]
    mine = [with_kit(LBFGS(), network, start, 1e-3)[0] for start in starts]
    theirs = [with_scipy("L-BFGS-B", network, start, 1e-3, **EXACT)[0] for start in starts]
    assert np.median(mine) <= 1.2 * np.median(theirs)


def test_single_precision():
    (weight, value), (_, exact) = (
        with_kit(LBFGS(), logistic, np.zeros(650, dtype), tolerance)
        for dtype, tolerance in (("float32", 1e-5), ("float64", 1e-6))
    )
    assert weight < 130
    assert value == pytest.approx(exact, rel=1e-6)
