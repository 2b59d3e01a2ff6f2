import keras
import numpy as np
import pytest

from keras_trainkit.demo.network import residual_network
from keras_trainkit.layers import SkippableBlock, StochasticDepth


@pytest.fixture
def images():
    return np.random.default_rng(0).normal(size=(5, 32, 32, 3)).astype("float32")


def test_images_become_probabilities(images):
    probabilities = residual_network((32, 32, 3), classes=7)(images)
    assert probabilities.shape == (5, 7)
    np.testing.assert_allclose(np.sum(probabilities, axis=-1), 1, atol=1e-6)


@pytest.mark.parametrize("shape", [(32, 32, 3), (1, 1, 3), (37, 50, 1)])
def test_any_size_will_do(shape):
    network = residual_network(shape, classes=2)
    assert network(np.zeros((1, *shape), "float32")).shape == (1, 2)


def test_the_weights_are_as_many_as_the_layers_ask_for():
    # a convolution and its normalisation: 9 in out + 4 out
    def block(given, width):
        shortcut = 0 if given == width else given * width + 4 * width
        return 9 * given * width + 4 * width + 9 * width * width + 4 * width + shortcut

    expected = (9 * 3 * 16 + 4 * 16) + block(16, 16) + block(16, 32) + block(32, 64) + 65 * 10
    assert residual_network((32, 32, 3), classes=10).count_params() == expected


@pytest.mark.parametrize(("skip", "kind"), [(False, StochasticDepth), (True, SkippableBlock)])
@pytest.mark.parametrize(
    ("count", "survivals"), [(1, [0.9, 0.8, 0.7]), (3, np.linspace(1, 0.7, 10)[1:])]
)
def test_stochastic_depth_follows_the_linear_rule(skip, kind, count, survivals):
    network = residual_network((32, 32, 3), 10, 0.7, blocks_per_width=count, skip=skip)
    found = [layer.survival_probability for layer in network.layers if isinstance(layer, kind)]
    np.testing.assert_allclose(found, survivals)


def test_blocks_that_are_skipped_compute_the_same(images):
    probabilities = []
    for skip in (False, True):
        keras.utils.set_random_seed(1)
        network = residual_network((32, 32, 3), 10, blocks_per_width=2, skip=skip)
        probabilities.append(network(images))
    np.testing.assert_allclose(*probabilities, rtol=1e-5)


def test_without_stochastic_depth_training_draws_nothing(images):
    network = residual_network((32, 32, 3), classes=10)
    once, again = (network(images, training=True) for _ in range(2))
    np.testing.assert_array_equal(once, again)


def test_it_survives_saving(images, tmp_path):
    network = residual_network((32, 32, 3), classes=10, last_survival_probability=0.8)
    network.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(images), network(images))


def test_probabilities_are_float32_under_mixed_precision(images):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        assert residual_network((32, 32, 3), classes=3)(images).dtype == "float32"
    finally:
        keras.config.set_dtype_policy("float32")
