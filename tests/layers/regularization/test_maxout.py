"""Maxout against the paper's formula."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_trainkit.layers.regularization import Maxout


def maxout(x, kernel, bias, pieces):
    """h_i = max_j (x W_ij + b_ij), number by number."""
    units = kernel.shape[1] // pieces
    h = np.empty((len(x), units))
    for row in range(len(x)):
        for i in range(units):
            h[row, i] = max(
                sum(x[row, k] * kernel[k, i * pieces + j] for k in range(x.shape[1]))
                + bias[i * pieces + j]
                for j in range(pieces)
            )
    return h


@pytest.mark.parametrize("pieces", [1, 2, 5])
@pytest.mark.parametrize("use_bias", [True, False])
def test_the_largest_piece_of_each_unit(pieces, use_bias):
    x = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
    layer = Maxout(3, pieces, use_bias=use_bias, bias_initializer="random_normal")
    found = ops.convert_to_numpy(layer(x))
    kernel, bias = layer.get_weights() if use_bias else (*layer.get_weights(), np.zeros(3 * pieces))
    np.testing.assert_allclose(found, maxout(x, kernel, bias, pieces), rtol=1e-5, atol=1e-6)
    sequences = ops.convert_to_numpy(layer(x.reshape(2, 3, 4)))
    np.testing.assert_allclose(sequences, found.reshape(2, 3, 3), rtol=1e-5, atol=1e-6)


def test_two_pieces_can_be_the_absolute_value():
    layer = Maxout(1, 2)
    layer.build((None, 1))
    layer.set_weights([np.array([[1.0, -1.0]]), np.zeros(2)])
    x = np.linspace(-2, 2, 9)[:, None]
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), np.abs(x))


def test_trains_with_regularizers_and_constraints_inside_a_model_of_unknown_batch_size():
    layer = Maxout(
        2,
        3,
        kernel_regularizer=keras.regularizers.L2(0.1),
        bias_regularizer="l1",
        activity_regularizer="l2",
        kernel_constraint=keras.constraints.MaxNorm(0.1),
    )
    model = keras.Sequential([keras.Input((4,)), layer])
    assert model.output_shape == (None, 2)
    model.compile("sgd", "mse")
    x = np.random.default_rng(1).normal(size=(10, 4)).astype("float32")
    model.fit(x, x[:, :2], batch_size=4, verbose=0)
    assert np.linalg.norm(layer.get_weights()[0], axis=0).max() < 0.1001  # of each piece
    layer(x)
    assert len(layer.losses) == 3


def test_save_and_load(tmp_path):
    layer = Maxout(
        3, 2, kernel_initializer="he_normal", bias_regularizer=keras.regularizers.L2(0.1)
    )
    model = keras.Sequential([keras.Input((5, 4)), layer])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    x = np.random.default_rng(2).normal(size=(2, 5, 4)).astype("float32")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
    assert [weight.name for weight in loaded.weights] == ["kernel", "bias"]
    assert loaded.layers[0].get_config() == layer.get_config()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"units": 0}, "`Maxout`: `units` must be a whole number of at least 1, got 0."),
        ({"units": 3, "pieces": 1.5}, "`pieces` must be a whole number of at least 1, got 1.5."),
        ({"units": 3, "use_bias": None}, "`use_bias` must be True or False, got None."),
    ],
    ids=str,
)
def test_bad_arguments_are_refused(arguments, sentence):
    with pytest.raises(ValueError, match="Maxout") as refusal:
        Maxout(**arguments)
    assert str(refusal.value).endswith(sentence)
