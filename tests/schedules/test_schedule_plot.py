"""The picture of schedules."""

import keras
import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot as plt

from keras_trainkit.schedules import CosineDecay, StepDecay, Warmup, plot


@pytest.fixture(autouse=True)
def _no_window():
    matplotlib.use("Agg")
    yield
    plt.close("all")


def test_draws_what_the_schedules_say():
    theirs = keras.optimizers.schedules.ExponentialDecay(0.1, 40, 0.5)
    axes = plot([Warmup(CosineDecay(0.1, 200), 20), theirs, 0.05], steps=200)
    warm, exponential, constant = axes.get_lines()
    np.testing.assert_array_equal(warm.get_xdata(), np.arange(201))
    for line, expected in (
        (warm, Warmup(CosineDecay(0.1, 200), 20)),
        (exponential, theirs),
        (constant, lambda step: 0.05),
    ):
        np.testing.assert_allclose(
            line.get_ydata()[::20], [float(expected(step)) for step in range(0, 201, 20)], rtol=1e-6
        )
    assert [line.get_label() for line in axes.get_lines()] == [
        "Warmup(CosineDecay(0.1, 200), 20)",
        "ExponentialDecay(...)",
        "Constant(0.05)",
    ]


def test_a_long_training_is_drawn_at_whole_steps_from_end_to_end():
    (line,) = plot(StepDecay(0.1, [10**9]), steps=2 * 10**9).get_lines()
    steps = line.get_xdata()
    assert len(steps) == 500
    assert steps.dtype.kind == "i"
    assert (steps[0], steps[-1]) == (0, 2 * 10**9)
    np.testing.assert_allclose(line.get_ydata()[[0, -1]], [0.1, 0.01], rtol=1e-6)


def test_draws_into_given_axes_and_is_saved(tmp_path):
    _, axes = plt.subplots()
    assert plot(CosineDecay(0.1, 10), 10, ax=axes) is axes
    assert axes.get_legend() is not None
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("step", "learning rate")
    axes.figure.savefig(tmp_path / "picture.png")


def test_more_schedules_than_colours_stay_apart():
    axes = plot([CosineDecay(0.1, steps) for steps in range(1, 13)], steps=3)
    looks = [(line.get_color(), line.get_linestyle()) for line in axes.get_lines()]
    assert len(set(looks)) == 12
