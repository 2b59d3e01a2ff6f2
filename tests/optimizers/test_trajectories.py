import io

import keras
import numpy as np
import pytest

from keras_trainkit.optimizers import SGD, Adam, Lookahead, plot_trajectories
from keras_trainkit.optimizers.trajectories import SURFACES, trajectory


@pytest.mark.parametrize("name", SURFACES)
def test_slopes_are_those_of_the_values(name):
    surface = SURFACES[name]
    x, y = np.random.default_rng(0).uniform(-2, 2, (2, 20))
    h = 1e-5
    by_x = (surface.value(x + h, y) - surface.value(x - h, y)) / (2 * h)
    by_y = (surface.value(x, y + h) - surface.value(x, y - h)) / (2 * h)
    np.testing.assert_allclose(surface.slope(x, y), [by_x, by_y], rtol=1e-5, atol=1e-5)
    for point in surface.minima:
        np.testing.assert_array_equal(surface.slope(*point), [0, 0])
        nearby = surface.value(point[0] + 0.1 * x, point[1] + 0.1 * y)
        assert np.all(nearby > surface.value(*point))
    left, right, bottom, top = surface.box
    for px, py in [surface.start, *surface.minima]:
        assert left < px < right
        assert bottom < py < top


def test_the_way_of_sgd_over_the_bowl():
    path = trajectory(SGD(0.0625), "bowl", steps=5)
    factors = np.array([1 - 0.0625, 1 - 25 * 0.0625])
    expected = np.array([-2.0, 0.8]) * factors ** np.arange(6)[:, None]
    np.testing.assert_allclose(path, expected, rtol=1e-5)


def test_noise_is_the_same_for_all_and_follows_the_seed():
    noise = {
        seed: trajectory(SGD(1.0), "noisy_bowl", 1, seed=seed)[1]
        - trajectory(SGD(1.0), "bowl", 1)[1]
        for seed in (0, 1)
    }
    again = trajectory(SGD(1.0), "noisy_bowl", 1)[1] - trajectory(SGD(1.0), "bowl", 1)[1]
    np.testing.assert_array_equal(noise[0], again)
    assert np.all(noise[0] != noise[1])


def test_the_optimizers_are_not_touched():
    optimizer = Adam(0.1)
    plot_trajectories([optimizer], steps=2)
    assert not optimizer.built


def test_what_is_drawn():
    optimizers = [
        SGD(0.07),
        keras.optimizers.Adam(0.1, beta_1=0.5),
        Lookahead(SGD(0.02, momentum=0.9), sync_period=2),
    ]
    axes = plot_trajectories(optimizers, "rosenbrock", steps=3, start=[0.5, 0.5])
    lines = [line for line in axes.lines if len(line.get_xdata()) == 4]
    assert [line.get_label() for line in lines] == [
        "SGD(learning_rate=0.07)",
        "Adam(learning_rate=0.1, beta_1=0.5)",
        "Lookahead(SGD(learning_rate=0.02, momentum=0.9), sync_period=2)",
    ]
    for line in lines:
        assert (line.get_xdata()[0], line.get_ydata()[0]) == (0.5, 0.5)
    picture = io.BytesIO()
    axes.figure.savefig(picture)
    assert len(picture.getvalue()) > 5000
    assert plot_trajectories({"mine": SGD(0.1)}, steps=1, ax=axes) is axes


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"optimizers": []}, "`optimizers` must hold at least one optimizer, got"),
        ({"surface": "hill"}, "`surface` must be one of 'bowl', 'noisy_bowl', 'rosenbrock', 'sad"),
        ({"steps": 0}, "`steps` must be a whole number of at least 1"),
        ({"start": [1]}, "`start` must be a sequence of 2 finite numbers"),
    ],
)
def test_refuses(arguments, sentence):
    with pytest.raises(ValueError, match=f"^`plot_trajectories`: {sentence}"):
        plot_trajectories(**{"optimizers": [SGD(0.1)], **arguments})
