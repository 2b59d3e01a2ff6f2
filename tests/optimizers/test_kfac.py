"""K-FAC's factors and steps against the papers in NumPy, and what it must keep and refuse."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from optimizer_runs import REGIMES
from oracles import kfac as oracle

from keras_trainkit.optimizers import KFAC, SGD

EAGER = {"run_eagerly": keras.backend.backend() == "tensorflow"}


def array(x):
    return ops.convert_to_numpy(x).astype("float64")


def directions(prediction, seeds=None):
    """Gradients whose mean outer product is 2 / units, the curvature of a squared error."""
    units = prediction.shape[-1]
    rows = ops.arange(ops.shape(prediction)[0]) % units
    return ops.one_hot(rows, units, dtype=prediction.dtype) * 2**0.5


def regression(**arguments):
    """Linear regression to two units, and the data."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((60, 3)).astype("float32") * [1, 3, 0.3] + 1
    y = (x @ rng.standard_normal((3, 2)) + rng.standard_normal((60, 2))).astype("float32")
    kfac = KFAC(keras.Sequential([layers.Input((3,)), layers.Dense(2)]), 1e-12, kl_clip=1e9)
    kfac.compile(loss="mse", **arguments)
    kfac._sampled_gradient = directions
    return kfac, x.astype("float32"), y


@pytest.mark.parametrize("regime", REGIMES)
def test_one_exact_step_solves_a_regression_in_all_regimes(regime):
    optimizer = SGD(1.0)
    kfac, x, y = regression(
        optimizer=optimizer, run_eagerly=regime == "eager", jit_compile=regime == "jit"
    )
    kfac.fit(x, y, batch_size=60, verbose=0)
    solution = np.linalg.lstsq(np.hstack([x, np.ones((60, 1))]), y, rcond=None)[0]
    kernel, bias = map(array, kfac.model.weights)
    np.testing.assert_allclose(np.vstack([kernel, bias]), solution, rtol=2e-3, atol=2e-4)
    assert int(kfac.steps) == 1


@pytest.mark.parametrize(
    ("strides", "padding", "dilation", "bias"),
    [((1, 1), "valid", (1, 1), True), ((2, 1), "same", (1, 1), False), ((1, 1), "same", (2, 1), 1)],
)
def test_the_factors_of_a_convolution_and_a_dense_layer(strides, padding, dilation, bias):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((6, 5, 7, 2)).astype("float32")
    back = rng.standard_normal((6, 3)).astype("float32")
    convolution = layers.Conv2D(
        4, (2, 3), strides, padding, dilation_rate=dilation, use_bias=bool(bias), activation="tanh"
    )
    model = keras.Sequential(
        [layers.Input((5, 7, 2)), convolution, layers.Flatten(), layers.Dense(3, use_bias=False)]
    )
    dense = model.layers[-1]
    kfac = KFAC(model, damping=0.01)
    kfac.compile(loss="mse", **EAGER)
    kfac._sampled_gradient = lambda prediction, seeds: ops.convert_to_tensor(back)
    kernel = array(dense.kernel)  # before the step
    hidden = array(convolution(x))
    kfac.fit(x, back, batch_size=6, verbose=0, shuffle=False)

    back_to_hidden = (back @ kernel.T).reshape(hidden.shape) * (1 - hidden**2)
    seen = oracle.patches(x, (2, 3), strides, dilation, padding)
    assert [block.layer for block in kfac._blocks] == [convolution, dense]
    for block, inputs, gradient in (
        (kfac._blocks[0], seen, back_to_hidden),
        (kfac._blocks[1], hidden.reshape(6, -1), back),
    ):
        a, g = oracle.factors(inputs, gradient, block.layer.use_bias)
        np.testing.assert_allclose(array(block.inner), a, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(array(block.outer), g, rtol=1e-4, atol=1e-5)
        for got, expected in zip(
            (block.inverse_inner, block.inverse_outer),
            oracle.damped_inverses(a, g, 0.01),
            strict=True,
        ):
            np.testing.assert_allclose(array(got), expected, rtol=2e-3, atol=2e-4)


def test_the_shortened_step_with_averages_and_momentum():
    """Three steps of a regression, written out: decay, `kl_clip`, momentum, a schedule."""
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((3, 8, 2)), rng.standard_normal((3, 8, 1))
    back = rng.standard_normal((3, 8, 1))
    rates = [0.5, 0.25, 0.01]
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([0, 1], rates)
    model = keras.Sequential([layers.Input((2,)), layers.Dense(1)])
    model.set_weights([np.ones((2, 1)), np.ones(1)])
    kfac = KFAC(model, damping=0.1, kl_clip=0.04, decay=0.6)
    kfac.compile(SGD(schedule, momentum=0.9), loss="mse", **EAGER)
    drawn = iter(back.astype("float32"))
    if EAGER["run_eagerly"] or keras.backend.backend() == "torch":
        kfac._sampled_gradient = lambda prediction, seeds: ops.convert_to_tensor(next(drawn))
    else:  # traced once
        table = ops.convert_to_tensor(back.astype("float32"))
        kfac._sampled_gradient = lambda prediction, seeds: table[kfac.steps.value]
    w = np.vstack([array(v).reshape(-1, 1) for v in model.weights])
    velocity, shortened, a, g = 0, [], 0, 0
    for t, rate in enumerate(rates):
        rows = np.hstack([x[t], np.ones((8, 1))])
        gradient = 2 * rows.T @ (rows @ w - y[t]) / 8
        keep = min(1 - 1 / (t + 1), 0.6)
        new = oracle.factors(x[t], back[t], bias=True)
        a, g = (keep * old + (1 - keep) * now for old, now in zip((a, g), new, strict=True))
        inverses = oracle.damped_inverses(a, g, 0.1)
        step = inverses[0] @ gradient @ inverses[1]
        shrink = min(1, np.sqrt(0.04 / (rate**2 * np.sum(gradient * step))))
        shortened.append(shrink < 1)
        velocity = 0.9 * velocity + shrink * step
        w = w - rate * velocity
        kfac.train_on_batch(x[t].astype("float32"), y[t].astype("float32"))
        got = np.vstack([array(v).reshape(-1, 1) for v in model.weights])
        np.testing.assert_allclose(got, w, rtol=1e-4, atol=1e-5)
    assert shortened == [True, True, False]


def test_inverses_are_renewed_when_that_is_due():
    kfac, x, y = regression(**EAGER)
    kfac.inverse_every = 3
    (block,) = kfac._blocks
    renewed = []
    for t in range(8):
        before = array(block.inverse_inner)
        kfac.train_on_batch(x[t::8], y[t::8])
        renewed.append(bool(np.any(array(block.inverse_inner) != before)))
    assert renewed == [True, True, True, True, False, False, True, False]


LOGITS = np.array([0.3, -1.0, 1.5])
SOFTMAX = np.exp(LOGITS) / np.exp(LOGITS).sum()
SIGMOID = 1 / (1 + np.exp(-LOGITS))
OF_CLASSES = np.diag(SOFTMAX) - np.outer(SOFTMAX, SOFTMAX)
OF_BITS = np.diag(SIGMOID * (1 - SIGMOID))


@pytest.mark.parametrize(
    ("loss", "prediction", "slope", "curvature"),
    [
        ("mse", LOGITS, np.eye(3), 2 / 3 * np.eye(3)),
        (keras.losses.BinaryCrossentropy(from_logits=True), LOGITS, np.eye(3), OF_BITS / 3),
        ("binary_crossentropy", SIGMOID, OF_BITS, OF_BITS / 3),
        (keras.losses.CategoricalCrossentropy(from_logits=True), LOGITS, np.eye(3), OF_CLASSES),
        (keras.losses.categorical_crossentropy, SOFTMAX, OF_CLASSES, OF_CLASSES),
        ("sparse_categorical_crossentropy", SOFTMAX, OF_CLASSES, OF_CLASSES),
    ],
    ids=["squares", "logits", "bits", "class logits", "classes", "sparse"],
)
@pytest.mark.parametrize("places", [1, 4])
def test_the_drawn_gradients_have_the_curvature_of_the_loss(
    loss, prediction, slope, curvature, places
):
    kfac = KFAC(keras.Sequential([layers.Input((3,)), layers.Dense(3)]))
    kfac.compile(loss=loss)
    shape = (40_000, places, 3) if places > 1 else (40_000, 3)
    rows = ops.convert_to_tensor(np.broadcast_to(prediction, shape).astype("float32"))
    drawn = array(kfac._sampled_gradient(rows, kfac._seeds)).reshape(-1, 3) @ slope
    np.testing.assert_allclose(
        drawn.T @ drawn / len(drawn) * places, curvature, atol=0.02 * np.abs(curvature).max()
    )


def test_the_fisher_of_a_small_network_is_met_within_chance():
    """Of one example the Kronecker product is exact, and the sampling alone errs."""
    model = keras.Sequential(
        [layers.Input((2,)), layers.Dense(3, "tanh"), layers.Dense(3, "softmax")]
    )
    kfac = KFAC(model)
    kfac.compile(loss="sparse_categorical_crossentropy", **EAGER)
    weights = [array(w) for w in model.weights]
    first, second = (np.vstack([k, b]) for k, b in (weights[:2], weights[2:]))
    exact = oracle.fisher_of_two_layers(np.array([0.5, -2.0]), first, second)
    x = np.tile(np.float32([0.5, -2.0]), (40_000, 1))
    kfac.fit(x, np.zeros(len(x)), batch_size=len(x), verbose=0)
    blocks = [np.kron(array(b.inner), array(b.outer)) for b in kfac._blocks]
    np.testing.assert_allclose(blocks[0], exact[:9, :9], atol=0.02 * np.abs(blocks[0]).max())
    np.testing.assert_allclose(blocks[1], exact[9:, 9:], atol=0.02 * np.abs(blocks[1]).max())


def test_sample_weights_weigh_the_curvature():
    """A weight of 2 is the same as the example twice, up to the scale of the mean."""
    factors = []
    for rows, weight in (([0, 1, 1], None), ([0, 1], np.float32([1, 2]))):
        kfac, x, y = regression(**EAGER)
        kfac._sampled_gradient = lambda prediction, seeds: ops.ones_like(prediction)
        kfac.fit(x[rows], y[rows], batch_size=3, verbose=0, sample_weight=weight)
        factors.append(array(kfac._blocks[0].outer) * len(rows))
    np.testing.assert_allclose(*factors, rtol=1e-5)


def classifier():
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [layers.Input((2,)), layers.Dense(4, "tanh"), layers.Dense(3, "softmax")]
    )


def classes(n=24):
    x = np.random.default_rng(0).standard_normal((n, 2)).astype("float32")
    return x, (x[:, 0] > 0).astype("int32") + (x[:, 1] > 0.3)


def trained(kfac, epochs=2):
    x, y = classes()
    return kfac.fit(x, y, batch_size=8, epochs=epochs, shuffle=False, verbose=0)


def compiled(model=None, **arguments):
    kfac = KFAC(model or classifier(), inverse_every=4)
    kfac.compile(loss="sparse_categorical_crossentropy", **{**EAGER, **arguments})
    return kfac


def state(kfac):
    return [array(v).copy() for v in (*kfac.weights, *kfac.optimizer.variables)]


def test_another_basis_of_the_inputs_makes_the_same_steps():
    if keras.backend.backend() == "jax" and ops.convert_to_tensor(np.ones(1)).dtype != "float64":
        pytest.skip("needs float64")
    rng = np.random.default_rng(0)
    x = rng.standard_normal((50, 3))
    y = rng.standard_normal((50, 2))
    basis, shift = np.array([[1, 2, 0], [0, 2, 0.5], [1, 0, 1]]), np.array([1, -2, 3])
    models = [
        keras.Sequential(
            [
                layers.Input((3,), dtype="float64"),
                layers.Dense(2, "tanh", dtype="float64"),
                layers.Dense(2, dtype="float64"),
            ]
        )
        for _ in range(2)
    ]
    kernel, bias, *rest = (array(w) for w in models[0].weights)
    models[1].set_weights(
        [np.linalg.solve(basis, kernel), bias - shift @ np.linalg.solve(basis, kernel), *rest]
    )
    answers = []
    for model, inputs in zip(models, (x, x @ basis + shift), strict=True):
        kfac = KFAC(model, damping=1e-12)
        kfac.compile(loss="mse", **EAGER)
        kfac.fit(inputs, y, batch_size=50, epochs=4, shuffle=False, verbose=0)
        answers.append(array(model(inputs)))
    np.testing.assert_allclose(*answers, rtol=1e-3)


def test_a_bad_batch_changes_nothing_and_is_counted():
    kfac = compiled()
    trained(kfac)
    before = state(kfac)
    x, y = classes()
    kfac.train_on_batch(np.where(x > 1, np.nan, x), y)
    assert int(kfac.skipped_steps) == 1
    kfac.skipped_steps.assign(0)
    for old, new in zip(before, state(kfac), strict=True):
        np.testing.assert_array_equal(old, new)
    assert np.isfinite(trained(kfac).history["loss"]).all()
    assert int(kfac.steps) == 12


def test_a_bad_first_batch():
    kfac = compiled()
    x, y = classes()
    kfac.train_on_batch(np.full_like(x, np.inf), y)
    unbroken = compiled()
    for one in (kfac, unbroken):
        trained(one)
    for a, b in zip(kfac.model.get_weights(), unbroken.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_save_and_go_on_bit_by_bit(tmp_path):
    unbroken, kfac = compiled(), compiled()
    for one in (unbroken, kfac):
        trained(one)
    kfac.save(tmp_path / "kfac.keras")
    again = keras.models.load_model(tmp_path / "kfac.keras")
    for a, b in zip(state(kfac), state(again), strict=True):
        np.testing.assert_array_equal(a, b)
    for one in (unbroken, again):
        trained(one)
    for a, b in zip(state(unbroken), state(again), strict=True):
        np.testing.assert_array_equal(a, b)
    assert int(again.steps) == 12

    kfac.save_weights(tmp_path / "kfac.weights.h5")
    fresh = KFAC(classifier())
    fresh.load_weights(tmp_path / "kfac.weights.h5")
    for a, b in zip(kfac.get_weights(), fresh.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)

    kfac.model.save(tmp_path / "inner.keras")
    inner = keras.models.load_model(tmp_path / "inner.keras")
    assert [w.name for w in inner.weights] == ["kernel", "bias"] * 2
    for a, b in zip(kfac.model.get_weights(), inner.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_unbuilt_model_is_built_with_its_factors():
    kfac = compiled(keras.Sequential([layers.Dense(3, "softmax")]))
    assert len(kfac._blocks) == 0
    trained(kfac)
    assert [block.inner.shape for block in kfac._blocks] == [(3, 3)]


@keras.saving.register_keras_serializable("tests")
class Branches(keras.Model):
    """Subclassed, with a model inside and layers that K-FAC does not know."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inside = keras.Sequential(
            [layers.Conv2D(3, 2, activation=layers.PReLU()), layers.BatchNormalization()]
        )
        self.beside = layers.DepthwiseConv2D(2)
        self.end = layers.Dense(2, name="end")

    def build(self, input_shape):
        self.inside.build(input_shape)
        self.beside.build(input_shape)
        self.end.build((None, 4))
        super().build(input_shape)

    def call(self, x, training=None):
        x = ops.concatenate([self.inside(x, training=training), self.beside(x)], axis=-1)
        return self.end(ops.mean(x, axis=(1, 2)))


def test_models_of_all_kinds_of_layers():
    x = np.random.default_rng(0).standard_normal((32, 4, 5, 1)).astype("float32")
    y = np.stack([x.mean(axis=(1, 2, 3)), x.max(axis=(1, 2, 3))], axis=1)
    model = Branches()
    kfac = KFAC(model)
    kfac.compile(loss="mse", jit_compile=keras.backend.backend() == "jax")
    activations = [(model.inside.layers[0].activation), model.end.activation]
    history = kfac.fit(x, y, batch_size=32, epochs=30, verbose=0).history["loss"]
    assert history[-1] < 0.25 * history[0]
    assert len(kfac._blocks) == 2
    assert activations == [model.inside.layers[0].activation, model.end.activation]
    assert not any("call" in vars(layer) for layer in model._flatten_layers())
    assert np.all(array(model.inside.layers[1].moving_variance) != 1)


def test_under_mixed_float16_the_loss_scale_falls_and_factors_are_float32():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        kfac = compiled()
    finally:
        keras.config.set_dtype_policy("float32")
    x, y = classes()
    losses = trained(kfac, epochs=6).history["loss"]
    scale = float(kfac.optimizer.dynamic_scale)
    kfac.train_on_batch(np.where(x > 1, np.nan, x), y)
    assert float(kfac.optimizer.dynamic_scale) == scale / 2
    assert losses[-1] < 0.8 * losses[0]
    assert {v.dtype for block in kfac._blocks for v in block.state} == {"float32"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": 3}, "`KFAC`: `model` must be a Keras model, got 3"),
        ({"damping": 0}, "`KFAC`: `damping` must be a finite number above 0"),
        ({"kl_clip": -1}, "`KFAC`: `kl_clip` must be a finite number above 0"),
        ({"inverse_every": 0}, "`KFAC`: `inverse_every` must be a whole number of at least 1"),
        ({"decay": 1.0}, "`KFAC`: `decay` must be a finite number at least 0 and below 1"),
        ({"seed": 0.5}, "`KFAC`: `seed` must be a whole number of at least 0"),
        (
            {"model": keras.Sequential([layers.Input((2,)), layers.BatchNormalization()])},
            "`KFAC`: `model` must have a Dense or Conv2D layer that trains",
        ),
        (
            {"model": keras.Sequential([layers.Input((4, 4, 2)), layers.Conv2D(4, 2, groups=2)])},
            "`KFAC`: `model` must have no convolution in groups",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_arguments_that_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        KFAC(**{"model": classifier(), **arguments})


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (None, "`loss` must be one of MeanSquaredError, BinaryCrossentropy, .* got None. The"),
        ("mae", "`loss` must be one of MeanSquaredError"),
        (["mse"], "`loss` must be one of MeanSquaredError"),
        (keras.losses.MeanSquaredError(reduction="sum"), "`loss` must have the reduction"),
        (keras.losses.CategoricalCrossentropy(axis=1), "`loss` must have its classes on the last"),
        (
            keras.losses.SparseCategoricalCrossentropy(ignore_class=0),
            "`loss` must ignore no class, got 0. Use sample weights.",
        ),
    ],
    ids=["none", "other", "several", "sum", "axis", "ignored"],
)
def test_losses_that_are_refused(loss, message):
    with pytest.raises(ValueError, match=message):
        KFAC(classifier()).compile(loss=loss)


def test_a_layer_called_twice_is_refused_and_nothing_stays_tapped():
    dense, inputs = layers.Dense(2), layers.Input((2,))
    model = keras.Model(inputs, dense(dense(inputs)))
    kfac = KFAC(model)
    kfac.compile(loss="mse", **EAGER)
    activation = dense.activation
    with pytest.raises(ValueError, match="must be called once by the model, got 2 calls of 'dense"):
        kfac.train_on_batch(np.ones((4, 2)), np.ones((4, 2)))
    assert dense.activation is activation
    assert "call" not in vars(dense)


def test_several_outputs_are_refused():
    inputs = layers.Input((2,))
    model = keras.Model(inputs, ops.squeeze(layers.Dense(1)(inputs), axis=1))
    kfac = KFAC(model)
    kfac.compile(loss="mse", **EAGER)
    with pytest.raises(ValueError, match="one output of the shape"):
        kfac.train_on_batch(np.ones((4, 2)), np.ones((4,)))
