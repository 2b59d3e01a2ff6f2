"""BFGS: what the whole matrix is good for."""

import keras
import numpy as np
import pytest
from losses import logistic, rosenbrock, rosenbrock_start
from minimize import with_kit, with_scipy

from keras_trainkit.optimizers import BFGS, LBFGS


def test_evaluations_on_rosenbrock():
    mine, theirs = [], []
    for dimensions in (2, 10, 20):
        start = rosenbrock_start(dimensions)
        evaluations, minimum = with_kit(BFGS(), rosenbrock, start, 1e-6)
        assert min(abs(minimum - local) for local in (0, 3.98657911)) < 1e-8
        mine.append(evaluations)
        theirs.append(with_scipy("BFGS", rosenbrock, start, 1e-6)[0])
    assert sum(mine) <= 1.2 * sum(theirs)


def test_it_needs_fewer_than_a_short_history_on_an_ill_conditioned_bowl():
    curvature = np.logspace(0, 4, 20)
    bowl = lambda x: (x @ (curvature * x) / 2, curvature * x)  # noqa: E731
    whole, _ = with_kit(BFGS(), bowl, np.ones(20), 1e-6)
    short, _ = with_kit(LBFGS(history=3), bowl, np.ones(20), 1e-6)
    assert whole < 0.7 * short


def test_it_needs_fewer_on_logistic_regression():
    whole, minimum = with_kit(BFGS(), logistic, np.zeros(650), 1e-6)
    short, same = with_kit(LBFGS(), logistic, np.zeros(650), 1e-6)
    assert whole < 0.7 * short
    assert minimum == pytest.approx(same, abs=1e-9)


def test_too_many_weights_are_refused():
    weight = keras.Variable(np.zeros((101, 100), "float32"))
    with pytest.raises(ValueError, match=r"takes at most 10,000, got 10,100\. Use `LBFGS`"):
        BFGS().build([weight])
