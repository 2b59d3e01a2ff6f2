"""DropConnect against NumPy, SciPy and the layers inside it."""

import json

import keras
import numpy as np
import pytest
from keras import layers, ops
from scipy import integrate, stats

from keras_trainkit.layers.regularization import DropConnect

WAYS = {
    "batch": {"per": "batch"},
    "flipout": {"per": "example", "method": "flipout"},
    "gaussian": {"per": "example", "method": "gaussian"},
    "exact": {"per": "example", "method": "exact"},
}
RATES = [0.3, 0.5, 0.8]

each_way = pytest.mark.parametrize("way", WAYS)
each_masking_way = pytest.mark.parametrize("way", [way for way in WAYS if way != "gaussian"])
each_rate = pytest.mark.parametrize("rate", RATES)


def draw(layer, inputs):
    return ops.convert_to_numpy(layer(inputs, training=True))


def output_in_testing(layer, inputs):
    return ops.convert_to_numpy(layer(inputs, training=False))


def dropped(way, rate, shape=(60, 50), examples=3, seed=1):
    """Which weights of a `Dense` are dropped for each example: what unit vectors give."""
    rows, units = shape
    dense = layers.Dense(units, kernel_initializer="ones", use_bias=False)
    layer = DropConnect(dense, rate, seed=seed, **WAYS[way])
    unit_vectors = np.broadcast_to(np.eye(rows, dtype="float32"), (examples, rows, rows))
    drawn = draw(layer, unit_vectors)
    np.testing.assert_allclose(drawn[drawn != 0], 1 / (1 - rate), rtol=1e-6)
    return drawn == 0


@each_masking_way
@each_rate
def test_each_example_has_a_mask_of_independent_draws(way, rate):
    drops = dropped(way, rate, (300, 200))
    for drop in drops:
        sigma = np.sqrt(rate * (1 - rate) / drop.size)
        assert abs(drop.mean() - rate) < 4 * sigma
        # Neighbours in a row, in a column, and the corners of squares, which signs for rows and
        # columns alone would make alike.
        centred = (drop - rate) / np.sqrt(rate * (1 - rate))
        across, along = centred[1:] * centred[:-1], centred[:, 1:] * centred[:, :-1]
        for product in (across, along, across[:, 1:] * across[:, :-1]):
            assert abs(product.mean()) < 4.5 * product.std() / np.sqrt(product.size)


@each_rate
def test_one_mask_serves_the_batch(rate):
    drops = dropped("batch", rate)
    assert (drops == drops[0]).all()


@pytest.mark.parametrize("way", ["exact", "flipout"])
@each_rate
def test_how_masks_of_two_examples_hang_together(way, rate):
    correlation = 0 if way == "exact" else abs(1 - 2 * rate) / (2 * max(rate, 1 - rate))
    drops = dropped(way, rate, (300, 200)).reshape(3, -1)
    found = np.corrcoef(drops)[np.triu_indices(3, 1)]
    np.testing.assert_allclose(found, correlation, atol=4.5 / np.sqrt(drops.shape[1]))


@each_masking_way
def test_biases_are_dropped_as_weights_are(way):
    dense = layers.Dense(2000, kernel_initializer="zeros", bias_initializer="ones")
    drawn = draw(DropConnect(dense, 0.5, seed=1, **WAYS[way]), np.zeros((2, 1)))
    assert set(np.unique(drawn)) == {0.0, 2.0}
    alike = (drawn[0] == drawn[1]).mean()
    assert alike == 1 if way == "batch" else abs(alike - 0.5) < 4 * 0.5 / np.sqrt(2000)


@each_way
@each_rate
@pytest.mark.parametrize("mask_bias", [True, False])
def test_ten_thousand_draws_have_the_mean_and_variance_of_the_masks(way, rate, mask_bias):
    # Ten thousand units with the same weights are ten thousand draws of one unit.
    w, b = np.array([0.5, -1.0, 2.0, 0.1, -0.3], "float32"), 0.7
    dense = layers.Dense(
        10_000,
        kernel_initializer=lambda shape, dtype=None: np.repeat(w[:, None], shape[1], axis=1),
        bias_initializer=keras.initializers.Constant(b),
    )
    layer = DropConnect(dense, rate, mask_bias=mask_bias, seed=2, **WAYS[way])
    x = np.array([[1, 2, 3, 4, 5], [0, -1, 0, 2, 0.5], [0, 0, 0, 0, 0]], "float32")
    drawn = draw(layer, x)
    mean = x @ w + b
    variance = rate / (1 - rate) * (x**2 @ w**2 + (b**2 if mask_bias else 0))
    np.testing.assert_allclose(
        output_in_testing(layer, x), mean[:, None].repeat(10_000, 1), rtol=1e-5
    )
    tolerance = np.sqrt(variance / 10_000) + 1e-6
    assert (np.abs(drawn.mean(1) - mean) < 4 * tolerance).all()
    np.testing.assert_allclose(drawn.var(1), variance, rtol=0.06, atol=1e-6)


CONVOLUTIONS = {
    "causal": (layers.Conv1D(400, 3, padding="causal", dilation_rate=2), (9, 2)),
    "strided": (layers.Conv2D(400, (3, 2), strides=2, padding="same"), (5, 6, 2)),
    "grouped": (layers.Conv2D(400, 2, groups=2), (4, 4, 4)),
    "3D": (layers.Conv3D(400, 2), (3, 3, 3, 2)),
    "depthwise 1D": (layers.DepthwiseConv1D(2, depth_multiplier=400), (6, 2)),
    "depthwise": (layers.DepthwiseConv2D(2, depth_multiplier=400, padding="same"), (4, 3, 2)),
}


@each_way
@pytest.mark.parametrize("kind", CONVOLUTIONS)
def test_convolutions_have_the_mean_and_variance_of_the_masks(way, kind):
    prototype, shape = CONVOLUTIONS[kind]
    config = {**prototype.get_config(), "bias_initializer": keras.initializers.Constant(0.5)}
    inside, squared = (type(prototype).from_config(config) for _ in range(2))
    layer = DropConnect(inside, 0.4, seed=3, **WAYS[way])
    x = np.random.default_rng(4).normal(size=(2, *shape)).astype("float32")
    layer.build(x.shape)
    # All filters of an input channel alike: as many draws.
    kernel = ops.convert_to_numpy(inside.kernel)
    axis = -1
    inside.kernel.assign(np.broadcast_to(kernel.take([0], axis), kernel.shape))
    squared.build(x.shape)
    squared.set_weights([np.square(weight) for weight in inside.get_weights()])

    def over_draws(statistic, outputs):
        outputs = ops.convert_to_numpy(outputs)
        return statistic(outputs.reshape(*outputs.shape[:-1], -1, 400), axis=-1)

    mean = over_draws(np.mean, inside(x))
    variance = 0.4 / 0.6 * over_draws(np.mean, squared(x**2))
    drawn = draw(layer, x)
    assert (np.abs(over_draws(np.mean, drawn) - mean) < 4.5 * np.sqrt(variance / 400)).all()
    ratio = over_draws(np.var, drawn) / variance
    assert abs(ratio.mean() - 1) < 0.05
    assert ratio.max() < 1.6
    assert ratio.min() > 0.6
    # One mask slides over all places: where the input is constant, so is the output.
    if way != "gaussian" and inside.padding == "valid":
        constant = draw(layer, np.ones_like(x)).reshape(2, -1, drawn.shape[-1])
        np.testing.assert_allclose(
            constant, constant[:, :1].repeat(constant.shape[1], 1), rtol=1e-4
        )


@each_masking_way
def test_channels_may_come_first(way):
    x = np.random.default_rng(5).normal(size=(3, 6, 2)).astype("float32")
    last, first = (
        DropConnect(
            layers.Conv1D(4, 2, padding="causal", data_format=f"channels_{end}"),
            0.4,
            seed=6,
            **WAYS[way],
        )
        for end in ("last", "first")
    )
    last.build(x.shape)
    first.build((3, 2, 6))
    first.layer.set_weights(last.layer.get_weights())
    moved = np.moveaxis(draw(first, np.moveaxis(x, -1, 1)), 1, -1)
    np.testing.assert_allclose(moved, draw(last, x), rtol=1e-4, atol=1e-5)


def normal_mean(function, mean, deviation):
    """E[function(z)] for z normal, by SciPy's quadrature."""
    density = stats.norm(mean, deviation).pdf
    bounds = mean - 12 * deviation, mean + 12 * deviation
    value, _ = integrate.quad(lambda z: function(z) * density(z), *bounds, points=[0], limit=200)
    return value


@pytest.mark.parametrize(
    ("activation", "function", "tolerance"),
    [
        (None, lambda z: z, 1e-6),
        ("relu", lambda z: max(z, 0.0), 1e-6),
        (ops.relu, lambda z: max(z, 0.0), 0.04),
        ("tanh", np.tanh, 2e-3),
        ("gelu", lambda z: z * stats.norm.cdf(z), 1e-3),
        (lambda z: z**3 - z, lambda z: z**3 - z, 1e-5),
    ],
    ids=["linear", "relu", "relu by quadrature", "tanh", "gelu", "cubic"],
)
@pytest.mark.parametrize("mask_bias", [True, False])
def test_moments_give_the_mean_of_the_activation(activation, function, tolerance, mask_bias):
    generator = np.random.default_rng(7)
    x = generator.normal(size=(3, 20)).astype("float32")
    dense = layers.Dense(4, activation, bias_initializer=keras.initializers.Constant(0.4))
    layer = DropConnect(dense, 0.3, mask_bias=mask_bias, inference="moments")
    found = output_in_testing(layer, x)
    w, b = dense.get_weights()
    mean = x @ w + b
    variance = 3 / 7 * (x**2 @ w**2 + (b**2 if mask_bias else 0))
    expected = np.vectorize(lambda m, v: normal_mean(function, m, np.sqrt(v)))(mean, variance)
    np.testing.assert_allclose(found, expected, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("way", ["batch", "exact"])
@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
def test_moments_are_nearer_to_the_mean_of_many_draws(way, activation):
    generator = np.random.default_rng(8)
    x = generator.normal(size=(4, 50)).astype("float32")
    w = generator.normal(0, 0.4, size=(50, 1)).astype("float32")

    def build(units, inference):
        dense = layers.Dense(
            units,
            activation,
            kernel_initializer=lambda shape, dtype=None: np.repeat(w, units, axis=1),
        )
        return DropConnect(dense, 0.5, inference=inference, seed=9, **WAYS[way])

    truth = draw(build(4000, "mean"), x).mean(1)
    errors = {
        inference: np.abs(output_in_testing(build(1, inference), x)[:, 0] - truth).mean()
        for inference in ("mean", "moments")
    }
    assert errors["moments"] < errors["mean"] / 3


def test_moments_of_nothing_are_finite_and_so_are_their_gradients():
    layer = DropConnect(layers.Dense(3, "relu"), 0.5, "example", "gaussian", inference="moments")
    zeros = np.zeros((2, 4), "float32")
    np.testing.assert_allclose(output_in_testing(layer, zeros), 0, atol=1e-6)
    model = keras.Sequential([keras.Input((4,)), layer])
    model.compile("sgd", "mse", jit_compile=False)
    model.fit(zeros, np.ones((2, 3)), verbose=0)
    assert all(np.isfinite(weight).all() for weight in layer.get_weights())


def finite_differences(function, value, step=1e-5):
    gradient = np.zeros_like(value)
    for place in np.ndindex(value.shape):
        ends = []
        for sign in (1, -1):
            moved = value.copy()
            moved[place] += sign * step
            ends.append(function(moved))
        gradient[place] = (ends[0] - ends[1]) / (2 * step)
    return gradient


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="in float64")
@each_way
@pytest.mark.parametrize(
    ("inside", "shape"),
    [
        (lambda: layers.Dense(3, "tanh", dtype="float64"), (4,)),
        (lambda: layers.Conv1D(3, 2, activation="tanh", dtype="float64"), (4, 2)),
    ],
    ids=["Dense", "Conv1D"],
)
def test_gradients_are_finite_differences_under_the_same_draw(way, inside, shape):
    import tensorflow as tf

    layer = DropConnect(inside(), 0.4, seed=10, **WAYS[way])
    x = np.random.default_rng(11).normal(size=(3, *shape))
    layer.build(x.shape)
    kernel, bias = layer.trainable_variables
    bias.assign([0.1, -0.2, 0.3])
    start = ops.convert_to_numpy(layer.seed_generator.state)

    def loss():
        layer.seed_generator.state.assign(start)
        outputs = layer(x, training=True)
        return ops.sum(ops.square(outputs - 0.3))

    with tf.GradientTape() as tape:
        value = loss()
    for variable, found in zip((kernel, bias), tape.gradient(value, [kernel, bias]), strict=True):
        present = ops.convert_to_numpy(variable)

        def at(moved, variable=variable):
            variable.assign(moved)
            return float(loss())

        expected = finite_differences(at, present)
        variable.assign(present)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
        assert np.abs(expected).max() > 0.01


@each_masking_way
def test_a_step_moves_the_weights_that_were_not_dropped(way):
    dense = layers.Dense(6, kernel_initializer="ones")
    layer = DropConnect(dense, 0.5, seed=12, **WAYS[way])
    x = np.ones((1, 8), "float32")
    twin = DropConnect(layers.Dense(6, kernel_initializer="ones"), 0.5, seed=12, **WAYS[way])
    drop = draw(twin, np.eye(8, dtype="float32")[None])[0] == 0
    model = keras.Sequential([keras.Input((8,)), layer])
    model.compile(keras.optimizers.SGD(0.01), "mse")
    model.fit(x, np.full((1, 6), 9.0), verbose=0)
    kernel, _ = dense.get_weights()
    np.testing.assert_array_equal(kernel == 1, drop)


@pytest.mark.parametrize(
    ("inside", "way", "jit"),
    [
        *((lambda: layers.Conv1D(2, 2, activation="relu"), way, False) for way in WAYS),
        *((lambda: layers.Dense(2, "relu"), way, True) for way in ("flipout", "exact")),
    ],
    ids=[*WAYS, "flipout compiled", "exact compiled"],
)
def test_trains_inside_a_model_of_unknown_batch_size(inside, way, jit):
    if jit and keras.backend.backend() == "torch":
        pytest.skip("Keras compiles no such model with torch")
    layer = DropConnect(inside(), 0.3, seed=1, **WAYS[way])
    model = keras.Sequential([keras.Input((6, 2)), layer])
    model.compile("sgd", "mse", jit_compile=jit)
    x = np.random.default_rng(0).normal(size=(10, 6, 2)).astype("float32")
    before = layer.get_weights()
    history = model.fit(x, ops.convert_to_numpy(layer(x)) + 1, batch_size=4, epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    for old, new in zip(before, layer.get_weights(), strict=True):
        assert (old != new).any()


@pytest.mark.parametrize("inference", ["mean", "moments"])
def test_save_and_load(tmp_path, inference):
    dense = layers.Dense(3, "relu", name="inside")
    layer = DropConnect(dense, 0.4, per="example", inference=inference, seed=1)
    model = keras.Sequential([keras.Input((4,)), layer])
    x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    (again,) = loaded.layers
    np.testing.assert_array_equal(output_in_testing(again, x), output_in_testing(layer, x))
    np.testing.assert_array_equal(draw(again, x), draw(layer, x))
    assert json.dumps(again.get_config()) == json.dumps(layer.get_config())


def test_the_weights_are_those_of_the_layer_inside():
    dense = layers.Dense(3, name="inside")
    layer = DropConnect(dense, 0.5)
    layer.build((None, 4))
    assert layer.weights == dense.weights
    assert [weight.name for weight in layer.weights] == ["kernel", "bias"]
    assert [weight.path for weight in layer.weights] == [
        f"{layer.name}/inside/kernel",
        f"{layer.name}/inside/bias",
    ]
    before = dense.get_weights()
    layer(np.ones((2, 4)), training=True)
    for old, new in zip(before, dense.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    layer.trainable = False
    assert dense.trainable_variables == []
    assert (draw(layer, np.ones((1, 4))) != draw(layer, np.ones((1, 4)))).any()  # as Dropout


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("inference", ["mean", "moments"])
def test_regularizers_see_whole_weights_once(training, inference):
    def build():
        return layers.Dense(
            3,
            kernel_initializer="ones",
            bias_initializer="ones",
            kernel_regularizer=keras.regularizers.L2(0.1),
            bias_regularizer=keras.regularizers.L1(0.01),
            activity_regularizer=keras.regularizers.L2(1.0),
        )

    layer = DropConnect(build(), 0.5, inference=inference, seed=1)
    outputs = ops.convert_to_numpy(layer(np.ones((2, 4)), training=training))
    activity = np.square(outputs).sum() / 2
    np.testing.assert_allclose(
        sorted(float(ops.convert_to_numpy(loss)) for loss in layer.losses),
        sorted([1.2, 0.03, activity]),
        rtol=1e-5,
    )


def test_constraints_are_kept():
    dense = layers.Dense(3, kernel_constraint=keras.constraints.MaxNorm(0.1))
    model = keras.Sequential([keras.Input((4,)), DropConnect(dense, 0.5, seed=1)])
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 4)), np.ones((4, 3)), verbose=0)
    assert np.linalg.norm(dense.get_weights()[0], axis=0).max() < 0.1001


@each_way
@pytest.mark.parametrize(
    ("policy", "dtype"), [("mixed_float16", "float16"), ("mixed_bfloat16", "bfloat16")]
)
def test_low_precision_computes_low_and_draws_fine(way, policy, dtype):
    # A uniform number in bfloat16 is below 0.999 in every draw of 256 values but one.
    dense = layers.Dense(40_000, kernel_initializer="ones", use_bias=False, dtype=policy)
    layer = DropConnect(dense, 0.001, seed=8, **WAYS[way])
    symbolic = layer(keras.KerasTensor((None, 1)))
    assert keras.backend.standardize_dtype(symbolic.dtype) == dtype
    out = layer(np.ones((1, 1)), training=True)
    assert keras.backend.standardize_dtype(out.dtype) == dtype
    out = ops.convert_to_numpy(ops.cast(out, "float32"))
    if way != "gaussian":
        assert abs((out == 0).sum() - 40) < 4 * np.sqrt(40)
    assert keras.backend.standardize_dtype(layer(np.ones((1, 1))).dtype) == dtype
    assert keras.backend.standardize_dtype(dense.kernel.dtype) == "float32"


def test_float16_squares_do_not_overflow():
    dense = layers.Dense(2, "relu", kernel_initializer="ones", dtype="mixed_float16")
    x = np.full((1, 4), 1000.0)
    for way in ("gaussian", "batch"):
        layer = DropConnect(dense, 0.1, inference="moments", seed=1, **WAYS[way])
        assert np.isfinite(draw(layer, x)).all()
        np.testing.assert_allclose(output_in_testing(layer, x), 4000, rtol=1e-2)


@each_way
def test_the_seed_decides(way):
    def draws(seed):
        dense = layers.Dense(5, kernel_initializer="ones")
        layer = DropConnect(dense, 0.5, seed=seed, **WAYS[way])
        return np.stack([draw(layer, np.ones((3, 6))) for _ in range(2)])

    assert (draws(5) == draws(5)).all()
    assert (draws(5) != draws(6)).any()
    first, second = draws(5)
    assert (first != second).any()


@each_way
def test_testing_and_rate_zero_are_the_layer_itself(way):
    x = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    dense = layers.Dense(5, "gelu")
    for rate, training in ((0.5, False), (0.5, None), (0, True)):
        outputs = DropConnect(dense, rate, **WAYS[way])(x, training=training)
        np.testing.assert_array_equal(ops.convert_to_numpy(outputs), output_in_testing(dense, x))


def test_masks_of_sequences_go_on():
    inputs = keras.Input((5,), dtype="int32")
    embedded = layers.Embedding(7, 3, mask_zero=True)(inputs)
    dense = layers.Dense(3, kernel_initializer="identity")
    inside = DropConnect(dense, 0.5)(embedded)
    model = keras.Model(inputs, layers.GlobalAveragePooling1D()(inside))
    ids = np.array([[1, 2, 0, 0, 0], [3, 0, 0, 0, 0]])
    table = ops.convert_to_numpy(model.layers[1].embeddings)
    expected = np.stack([table[[1, 2]].mean(0), table[3]])
    np.testing.assert_allclose(ops.convert_to_numpy(model(ids)), expected, rtol=1e-5)


def test_the_low_rank_term_of_lora_is_masked_too():
    dense = layers.Dense(4, kernel_initializer="zeros", use_bias=False)
    layer = DropConnect(dense, 0.5, seed=1)
    layer.build((None, 6))
    dense.enable_lora(2)
    dense.lora_kernel_a.assign(np.ones((6, 2)))
    dense.lora_kernel_b.assign(np.ones((2, 4)))
    assert set(np.unique(draw(layer, np.eye(6)))) == {0.0, 4.0}


def test_a_quantized_layer_is_tested_and_not_trained():
    dense = layers.Dense(4, "relu")
    layer = DropConnect(dense, 0.5)
    x = np.random.default_rng(0).normal(size=(3, 6)).astype("float32")
    before = output_in_testing(layer, x)
    dense.quantize("int8")
    np.testing.assert_allclose(output_in_testing(layer, x), before, atol=0.1)
    with pytest.raises(ValueError, match="`layer` must not be quantized to draw from its weights"):
        layer(x, training=True)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"rate": 1}, "`rate` must be a finite number at least 0 and below 1, got 1."),
        ({"rate": -0.1}, "at least 0 and below 1, got -0.1."),
        ({"per": "image"}, "`per` must be one of 'batch', 'example', got 'image'."),
        ({"per": "example", "method": "loop"}, "'flipout', 'gaussian', 'exact', got 'loop'."),
        ({"method": "exact"}, "got 'exact'. Give `per=\"example\"` too."),
        ({"mask_bias": 1}, "`mask_bias` must be True or False, got 1."),
        ({"inference": "max"}, "`inference` must be one of 'mean', 'moments', got 'max'."),
        ({"seed": -1}, "`seed` must be a whole number of at least 0, got -1."),
    ],
    ids=str,
)
def test_bad_arguments_are_refused(arguments, sentence):
    with pytest.raises(ValueError, match="DropConnect") as refusal:
        DropConnect(layers.Dense(3), **{"rate": 0.5, **arguments})
    assert str(refusal.value).endswith(sentence)


class Doubled(layers.Dense):
    def call(self, inputs, training=None):
        return 2 * super().call(inputs)


@pytest.mark.parametrize(
    "inside", [layers.ReLU(), layers.Dropout(0.5), layers.Embedding(3, 2), Doubled(2), "dense"]
)
def test_layers_without_such_weights_are_refused(inside):
    with pytest.raises(ValueError, match="`DropConnect`: `layer` must be one of Keras' Dense, Con"):
        DropConnect(inside, 0.5)


@pytest.mark.parametrize(
    "activation",
    [
        "softmax",
        "log_softmax",
        "sparsemax",
        "glu",
        layers.Softmax(),
        lambda z: z / ops.sum(z),
        lambda z: z - ops.mean(z, axis=0),
    ],
    ids=["softmax", "log_softmax", "sparsemax", "glu", "Softmax", "share", "centred"],
)
def test_moments_refuse_activations_of_several_numbers(activation):
    DropConnect(layers.Dense(4, activation), 0.5)
    with pytest.raises(ValueError, match="have an activation that acts on each number by itself"):
        DropConnect(layers.Dense(4, activation), 0.5, inference="moments")


def test_moments_leave_an_activation_layer_unbuilt():
    activation = layers.PReLU(alpha_initializer="ones")
    layer = DropConnect(layers.Dense(4, activation), 0.5, inference="moments")
    assert not activation.built
    x = np.random.default_rng(0).normal(size=(3, 5)).astype("float32")
    linear = DropConnect(layers.Dense(4), 0.5, inference="moments")
    linear.build(x.shape)
    layer.build(x.shape)
    layer.layer.set_weights(linear.layer.get_weights()[:2] + layer.layer.get_weights()[2:])
    np.testing.assert_allclose(
        output_in_testing(layer, x), output_in_testing(linear, x), rtol=1e-4, atol=1e-5
    )
