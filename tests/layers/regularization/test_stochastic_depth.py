"""Stochastic depth against the paper's rules."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_trainkit.layers.regularization import StochasticDepth, linear_decay

SHAPES = [(3,), (4, 5), (4, 5, 2), (2, 3, 4, 2)]


def ones(rows, *shape, residual=1.0):
    shortcut = np.zeros((rows, *shape), "float32")
    return [shortcut, shortcut + np.float32(residual)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(
    ("scaling", "survived", "tested"), [("test", 1.0, 0.7), ("inverted", 1 / 0.7, 1.0)]
)
def test_both_scalings_in_training_and_testing(shape, scaling, survived, tested):
    layer = StochasticDepth(0.7, scaling=scaling, seed=1)
    pair = ones(64, *shape)
    trained = ops.convert_to_numpy(layer(pair, training=True)).reshape(64, -1)
    assert (trained == trained[:, :1]).all()  # a row is kept whole or dropped whole
    np.testing.assert_allclose(np.unique(trained[:, 0]), [0, survived], rtol=1e-6)
    np.testing.assert_allclose(ops.convert_to_numpy(layer(pair, training=False)), tested, rtol=1e-6)
    np.testing.assert_allclose(ops.convert_to_numpy(layer(pair)), tested, rtol=1e-6)


@pytest.mark.parametrize("scaling", ["test", "inverted"])
@pytest.mark.parametrize(("per", "rows", "calls"), [("image", 20_000, 1), ("batch", 1, 800)])
def test_training_and_testing_agree_in_the_mean(scaling, per, rows, calls):
    layer = StochasticDepth(0.3, per, scaling, seed=2)
    pair = ones(rows, 1, residual=2.0)
    trained = np.stack([ops.convert_to_numpy(layer(pair, training=True)) for _ in range(calls)])
    tested = ops.convert_to_numpy(layer(pair, training=False))
    error = trained.std() / np.sqrt(trained.size)
    assert abs(trained.mean() - tested.mean()) < 4 * error


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.95])
def test_a_row_survives_with_its_probability_and_by_itself(probability):
    layer = StochasticDepth(probability, seed=3)
    draws = np.stack([layer(ones(8, 1), training=True) for _ in range(800)])[..., 0]
    error = np.sqrt(probability * (1 - probability))
    assert abs(draws.mean() - probability) < 4 * error / np.sqrt(draws.size)
    correlations = np.corrcoef(draws.T)[np.triu_indices(8, 1)]
    assert np.abs(correlations).max() < 4.5 / np.sqrt(len(draws))


def test_a_batch_survives_as_one():
    layer = StochasticDepth(0.5, per="batch", seed=4)
    draws = np.stack([layer(ones(6, 2, 2), training=True) for _ in range(400)]).reshape(400, -1)
    assert (draws == draws[:, :1]).all()
    assert abs(draws.mean() - 0.5) < 4 * 0.5 / np.sqrt(400)


def test_certain_survival_is_a_plain_sum():
    layer = StochasticDepth(1.0)
    shortcut, residual = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    for training in (True, False):
        np.testing.assert_array_equal(
            ops.convert_to_numpy(layer([shortcut, residual], training=training)),
            shortcut + residual,
        )


def test_the_seed_decides():
    def draws(seed):
        layer = StochasticDepth(0.5, seed=seed)
        return np.stack([layer(ones(40, 1), training=True) for _ in range(3)])

    assert (draws(5) == draws(5)).all()
    assert (draws(5) != draws(6)).any()
    first, second, third = draws(5)
    assert (first != second).any()
    assert (second != third).any()


def test_the_gradient_passes_where_the_row_survived(gradient_of):
    layer = StochasticDepth(0.5, scaling="inverted", seed=7)
    pair = ones(16, 3)
    kept = ops.convert_to_numpy(StochasticDepth(0.5, seed=7)(pair, training=True))
    shortcut, residual = gradient_of(lambda *pair: ops.sum(layer(list(pair), training=True)), *pair)
    np.testing.assert_array_equal(shortcut, np.ones_like(kept))
    np.testing.assert_array_equal(residual, kept * 2)


@pytest.fixture
def gradient_of():
    """The gradient of a function of arrays, on the backend at hand."""
    if keras.backend.backend() == "jax":
        import jax

        def gradient(function, *arrays):
            # The seed's state may change under the trace; nothing else needs it afterwards.
            def pure(arrays):
                with keras.StatelessScope():
                    return function(*arrays)

            return [np.asarray(g) for g in jax.grad(pure)([ops.array(a) for a in arrays])]

    elif keras.backend.backend() == "torch":

        def gradient(function, *arrays):
            tensors = [ops.array(array).requires_grad_() for array in arrays]
            function(*tensors).backward()
            return [ops.convert_to_numpy(tensor.grad) for tensor in tensors]

    else:
        import tensorflow as tf

        def gradient(function, *arrays):
            tensors = [tf.constant(array) for array in arrays]
            with tf.GradientTape() as tape:
                tape.watch(tensors)
                value = function(*tensors)
            return [g.numpy() for g in tape.gradient(value, tensors)]

    return gradient


@pytest.mark.parametrize(
    ("policy", "dtype"), [("mixed_float16", "float16"), ("mixed_bfloat16", "bfloat16")]
)
def test_low_precision_computes_low_and_draws_fine(policy, dtype):
    # A uniform number in bfloat16 is below 0.999 in every draw of 256 values but one.
    layer = StochasticDepth(0.999, dtype=policy, seed=8)
    out = layer(ones(40_000, 1), training=True)
    assert keras.backend.standardize_dtype(out.dtype) == dtype
    dropped = 40_000 - float(ops.sum(ops.cast(out, "float32")))
    assert abs(dropped - 40) < 4 * np.sqrt(40)
    assert keras.backend.standardize_dtype(layer(ones(2, 1), training=False).dtype) == dtype


@pytest.mark.parametrize("jit", [False, True])
def test_trains_inside_a_model_of_unknown_batch_size(jit):
    if jit and keras.backend.backend() == "torch":
        pytest.skip("Keras compiles no such model with torch")
    model = small_model()
    model.compile("sgd", "mse", jit_compile=jit)
    x = np.random.default_rng(0).normal(size=(10, 4)).astype("float32")
    history = model.fit(x, x, batch_size=4, epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


def test_save_and_load(tmp_path):
    model = small_model()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    x = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
    old, new = (m.get_layer("depth").get_config() for m in (model, loaded))
    assert old == new
    expected = {"survival_probability": 0.8, "per": "batch", "scaling": "inverted", "seed": 3}
    assert expected.items() <= new.items()


def small_model():
    inputs = keras.Input((4,))
    residual = keras.layers.Dense(4, activation="relu")(inputs)
    depth = StochasticDepth(0.8, per="batch", scaling="inverted", seed=3, name="depth")
    return keras.Model(inputs, depth([inputs, residual]))


def test_the_mask_of_the_shortcut_goes_on():
    inputs = keras.Input((5,), dtype="int32")
    embedded = keras.layers.Embedding(7, 3, mask_zero=True)(inputs)
    added = StochasticDepth()([embedded, embedded])
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling1D()(added))
    ids = np.array([[1, 2, 0, 0, 0], [3, 0, 0, 0, 0]])
    table = ops.convert_to_numpy(model.layers[1].embeddings)
    expected = 1.5 * np.stack([table[[1, 2]].mean(0), table[3]])
    np.testing.assert_allclose(ops.convert_to_numpy(model(ids)), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            {"survival_probability": 0},
            "`StochasticDepth`: `survival_probability` must be a finite number above 0 and at "
            "most 1, got 0.",
        ),
        ({"survival_probability": 1.2}, "at most 1, got 1.2."),
        ({"per": "row"}, "`per` must be one of 'image', 'batch', got 'row'."),
        ({"scaling": "train"}, "`scaling` must be one of 'test', 'inverted', got 'train'."),
        ({"seed": -1}, "`seed` must be a whole number of at least 0, got -1."),
    ],
)
def test_bad_arguments_are_refused(arguments, sentence):
    with pytest.raises(ValueError, match="StochasticDepth") as refusal:
        StochasticDepth(**arguments)
    assert str(refusal.value).endswith(sentence)


@pytest.mark.parametrize(
    "inputs", [ones(2, 3)[0], ones(2, 3) + ones(2, 3)[:1], [ones(2, 3)[0], ones(2, 4)[0]]]
)
def test_other_than_two_inputs_of_one_shape_are_refused(inputs):
    with pytest.raises(ValueError, match=r"must be \[shortcut, residual\], two tensors of one"):
        StochasticDepth()(inputs)


@pytest.mark.parametrize("blocks", [1, 3, 54])
@pytest.mark.parametrize("last", [0.5, 0.8, 1.0])
def test_linear_decay_is_the_papers(blocks, last):
    # The straight line from 1 (the input, block 0) to p_L (block L), sampled at the blocks.
    line = np.linspace(1, last, blocks + 1)[1:]
    values = [linear_decay(block, blocks, last) for block in range(1, blocks + 1)]
    np.testing.assert_allclose(values, line, rtol=1e-12)


def test_half_of_the_expected_depth_is_the_papers():
    # Section 3: with p_L = 0.5 the expected number of blocks is (3 L - 1) / 4; 40 of 54.
    assert sum(linear_decay(block, 54) for block in range(1, 55)) == pytest.approx(40.25)


@pytest.mark.parametrize("arguments", [(0, 3), (4, 3), (1, 0), (1, 3, 0.0), (1, 3, 1.5), (1.5, 3)])
def test_linear_decay_refuses(arguments):
    with pytest.raises(ValueError, match=r"`linear_decay`: `(block|blocks|last)` must"):
        linear_decay(*arguments)
