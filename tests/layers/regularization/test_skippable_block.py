"""Blocks that are not run where they are dropped, against the plain formula."""

import itertools

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_trainkit.layers import SkippableBlock

BACKEND = keras.backend.backend()
X = np.random.default_rng(0).normal(size=(8, 6)).astype("float32")
Y = X[:, :1] + 1
NEVER, ALWAYS = 1e-30, 1 - 1e-12  # below and above every number drawn in float32
REGIMES = {"eager": {"run_eagerly": True}}
if BACKEND == "tensorflow":
    REGIMES["graph"] = {"jit_compile": False}
if BACKEND != "torch":
    REGIMES["xla"] = {"jit_compile": True}


def convolutions():
    """A block of the demo's kind, on six numbers in a row."""
    return keras.Sequential(
        [
            layers.Reshape((6, 1)),
            layers.Conv1D(4, 3, padding="same", kernel_regularizer="l2"),
            layers.BatchNormalization(momentum=0.5),
            layers.ReLU(),
            layers.Conv1D(1, 3, padding="same"),
            layers.Reshape((6,)),
        ]
    )


def model_of(layer, **options):
    model = keras.Sequential([keras.Input((6,)), layers.Dense(6), layer, layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.01), "mse", **options)
    return model


def arrays(variables):
    return [np.array(ops.convert_to_numpy(v)) for v in variables]


class Weighted(layers.Layer):
    """`shortcut(x) + weight * block(x)`: the formula, with a weight set from outside."""

    def __init__(self, block, shortcut):
        super().__init__()
        self.block, self.shortcut, self.weight = block, shortcut, 1.0

    def build(self, shape):
        self.block.build(shape)
        self.shortcut.build(shape)

    def call(self, inputs):
        return self.shortcut(inputs) + self.weight * self.block(inputs)


@pytest.mark.parametrize(
    ("regime", "skip", "scaling"),
    [
        (regime, *how)
        for regime in REGIMES
        for how in [("auto", "test"), (regime == "xla", "inverted")]
    ],
)
def test_a_training_step_is_that_of_the_plain_formula(regime, skip, scaling):
    layer = SkippableBlock(convolutions(), 0.5, layers.Dense(6), scaling, skip, seed=1)
    model = model_of(layer, **REGIMES[regime])
    plain = Weighted(convolutions(), layers.Dense(6))
    reference = model_of(plain, run_eagerly=True)
    statistics = layer.block.non_trainable_variables
    outcomes = []
    while len(outcomes) < 3 or len(set(outcomes)) < 2:
        weights, before = model.get_weights(), arrays(statistics)
        loss = model.train_on_batch(X, Y)
        moved = [(new != old).any() for new, old in zip(arrays(statistics), before, strict=True)]
        assert len(set(moved)) == 1
        outcomes.append(moved[0])
        reference.set_weights(weights)
        plain.weight = (2.0 if scaling == "inverted" else 1.0) * moved[0]
        assert reference.train_on_batch(X, Y) == pytest.approx(loss, rel=1e-5)
        if not moved[0]:  # the formula's statistics have moved
            for variable, old in zip(plain.block.non_trainable_variables, before, strict=True):
                variable.assign(old)
        for new, expected in zip(model.get_weights(), reference.get_weights(), strict=True):
            np.testing.assert_allclose(new, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("scaling", "expected"), [("test", 0.3), ("inverted", 1.0)])
def test_training_and_testing_agree_in_the_mean(scaling, expected):
    block = layers.Dense(6, use_bias=False, kernel_initializer="identity")
    layer = SkippableBlock(block, 0.3, scaling=scaling, seed=2)
    ones = np.ones((1, 6), "float32")
    tested, untold = (ops.convert_to_numpy(layer(ones, training=told)) for told in (False, None))
    np.testing.assert_allclose(tested, 1 + expected, rtol=1e-6)
    np.testing.assert_array_equal(untold, tested)
    drawn = np.stack([ops.convert_to_numpy(layer(ones, training=True)) for _ in range(600)])
    drawn = drawn.mean(axis=(1, 2))
    np.testing.assert_allclose(np.unique(drawn), [1, 1 + expected / 0.3], rtol=1e-6)
    assert abs(drawn.mean() - tested.mean()) < 4 * drawn.std() / np.sqrt(len(drawn))


class Counted(layers.Layer):
    """The identity; it notes each time that it is run, forward or backward."""

    def __init__(self):
        super().__init__()
        self.runs = {"forward": 0, "backward": 0}

    def note(self, direction):
        def run():
            self.runs[direction] += 1

        if BACKEND == "tensorflow":
            import tensorflow as tf

            tf.py_function(run, [], [])
        else:
            run()

    def call(self, inputs):
        def backward(*rest, upstream=None):
            self.note("backward")
            return rest[0] if upstream is None else upstream

        def forward(x):
            self.note("forward")
            return x * 1, backward

        return ops.custom_gradient(forward)(inputs)


@pytest.mark.skipif(BACKEND == "jax", reason="JAX runs every block")
@pytest.mark.parametrize("regime", ["eager", "graph"][: len(REGIMES) - (BACKEND != "torch")])
def test_a_dropped_block_is_not_run(regime):
    counted, normalisation = Counted(), layers.BatchNormalization()
    block = keras.Sequential([layers.Dense(6), counted, normalisation])
    model = model_of(SkippableBlock(block, 0.5, seed=3), **REGIMES[regime])
    model.train_on_batch(X, Y)
    ran, counted.runs = 0, {"forward": 0, "backward": 0}  # torch builds by running
    for _ in range(10):
        before = arrays([normalisation.moving_mean])[0]
        model.train_on_batch(X, Y)
        ran += (arrays([normalisation.moving_mean])[0] != before).any()
    assert 0 < ran < 10
    assert counted.runs == {"forward": ran, "backward": ran}
    model.evaluate(X, Y, verbose=0)
    assert counted.runs["forward"] == ran + 1


@pytest.mark.skipif(BACKEND != "tensorflow", reason="XLA's program is read through TensorFlow")
@pytest.mark.parametrize(("skip", "conditionals"), [("auto", False), (True, True)])
def test_inside_xla_a_block_is_masked_unless_told(skip, conditionals):
    import tensorflow as tf

    layer = SkippableBlock(layers.Dense(6), 0.5, skip=skip)
    layer.build(X.shape)
    step = tf.function(lambda x: layer(x, training=True), jit_compile=True)
    program = step.experimental_get_compiler_ir(tf.constant(X))(stage="hlo")
    assert ("conditional(" in program) is conditionals


@pytest.mark.skipif(BACKEND != "jax", reason="of JAX")
@pytest.mark.parametrize(("skip", "conditionals"), [("auto", False), (True, True)])
def test_on_jax_a_block_is_masked_unless_told(skip, conditionals):
    import jax

    layer = SkippableBlock(layers.Dense(6), 0.5, skip=skip)
    layer.build(X.shape)
    state = [v.value for v in layer.trainable_variables], arrays(layer.non_trainable_variables)
    program = jax.make_jaxpr(lambda x: layer.stateless_call(*state, x, training=True))(X)
    assert ("cond[" in str(program)) is conditionals


@pytest.mark.skipif(BACKEND == "torch", reason="it traces nothing")
def test_draws_trace_nothing_anew():
    traces = []

    class Traced(layers.Layer):
        def call(self, inputs):
            traces.append(1)
            return inputs * 2

    model = model_of(SkippableBlock(Traced(), 0.5, seed=4))
    model.fit(X, Y, batch_size=4, verbose=0)
    before = len(traces)
    model.fit(X, Y, batch_size=4, epochs=8, verbose=0)
    assert len(traces) == before


def test_a_saved_model_goes_on_as_the_first_would(tmp_path):
    block = keras.Sequential([convolutions(), layers.Dropout(0.5, seed=5)])
    model = model_of(SkippableBlock(block, 0.5, layers.Dense(6), seed=6))
    model.fit(X, Y, batch_size=2, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for new, old in zip(loaded.variables, model.variables, strict=True):
        if "seed" in new.path:  # on some backends Keras saves none
            new.assign(ops.convert_to_numpy(old))
    for _ in range(2):
        np.testing.assert_array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))
        for each in (model, loaded):
            each.fit(X, Y, batch_size=2, shuffle=False, verbose=0)
    assert [w.name for w in loaded.weights] == [w.name for w in model.weights]


def test_a_block_may_hold_others():
    inner = SkippableBlock(layers.Dense(6, name="deep"), 0.5, seed=7, name="inner")
    inputs = keras.Input((6,))
    block = keras.Model(inputs, layers.Dropout(0.5)(inner(inputs)), name="outer")
    model = model_of(SkippableBlock(block, 0.5, seed=8))
    before = arrays(model.trainable_variables)
    states = [arrays(block.non_trainable_variables)]
    for _ in range(8):
        model.train_on_batch(X, Y)
        states.append(arrays(block.non_trainable_variables))
    stayed = [
        all(np.array_equal(a, b) for a, b in zip(old, new, strict=True))
        for old, new in itertools.pairwise(states)
    ]
    assert set(stayed) == {True, False}  # seeds go on only where the block is run
    for old, new in zip(before, arrays(model.trainable_variables), strict=True):
        assert (old != new).any()
    assert any(v.path.endswith("inner/deep/kernel") for v in model.variables)


@pytest.mark.parametrize(("survives", "expected"), [(ALWAYS, 2.0), (NEVER, 0.0)])
def test_losses_of_activity_count_where_the_block_is_run(survives, expected):
    block = layers.Dense(
        6,
        kernel_initializer="identity",
        activity_regularizer=lambda y: ops.sum(ops.abs(y)),
        kernel_regularizer=lambda kernel: ops.sum(kernel),
    )
    layer = SkippableBlock(block, survives, seed=9)
    layer(np.full((3, 6), 1 / 3, "float32"), training=True)
    penalty = 6.0  # of the weights, always
    assert ops.convert_to_numpy(sum(layer.losses)) == pytest.approx(penalty + expected)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("survives", [ALWAYS, NEVER])
def test_low_precision_leaves_the_weights_as_they_are(policy, survives):
    keras.config.set_dtype_policy(policy)
    try:
        frozen = layers.Dense(6, bias_initializer=keras.initializers.Constant(1 / 3))
        frozen.trainable = False
        block = keras.Sequential([frozen, layers.Dense(6, dtype="float32")])
        layer = SkippableBlock(block, survives, layers.Dense(6))
        layer.build((None, 6))
        before = arrays(layer.variables[1:])
        outputs = layer(X.astype("float64"), training=True)
        keras.Sequential([layer])(X, training=True)  # where Keras casts in another way
    finally:
        keras.config.set_dtype_policy("float32")
    assert keras.backend.standardize_dtype(outputs.dtype) == policy.removeprefix("mixed_")
    for old, new in zip(before, arrays(layer.variables[1:]), strict=True):
        np.testing.assert_array_equal(old, new)
    expected = layer.shortcut(X)
    if survives == ALWAYS:
        expected = expected + ops.cast(block(X), expected.dtype)
    np.testing.assert_array_equal(
        ops.convert_to_numpy(ops.cast(outputs, "float32")),
        ops.convert_to_numpy(ops.cast(expected, "float32")),
    )


def test_certain_survival_draws_nothing():
    layer = SkippableBlock(layers.Dense(6, kernel_initializer="identity"), 1.0)
    np.testing.assert_allclose(ops.convert_to_numpy(layer(X, training=True)), 2 * X)
    assert ops.convert_to_numpy(layer.seed_generator.state)[1] == 0


def test_a_mask_goes_to_the_block_and_on():
    inputs = keras.Input((5,), dtype="int32")
    embedded = layers.Embedding(7, 3, mask_zero=True)(inputs)
    block = layers.LSTM(3, return_sequences=True)
    added = SkippableBlock(block)(embedded)
    model = keras.Model(inputs, layers.GlobalAveragePooling1D()(added))
    ids = np.array([[1, 2, 0, 0, 0]])
    table = ops.convert_to_numpy(model.layers[1].embeddings)[None, [1, 2]]
    expected = (table + ops.convert_to_numpy(block(table)) / 2).mean(axis=1)
    np.testing.assert_allclose(ops.convert_to_numpy(model(ids)), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"block": max}, "`block` must be a Keras layer, got <built-in function max>."),
        ({"shortcut": "conv"}, "`shortcut` must be a Keras layer or None, got 'conv'."),
        (
            {"survival_probability": 0},
            "`survival_probability` must be a finite number above 0 and at most 1, got 0.",
        ),
        ({"survival_probability": 1.2}, "at most 1, got 1.2."),
        ({"scaling": "train"}, "`scaling` must be one of 'test', 'inverted', got 'train'."),
        ({"skip": "no"}, "`skip` must be 'auto', True or False, got 'no'."),
        ({"seed": -1}, "`seed` must be a whole number of at least 0, got -1."),
    ],
)
def test_bad_arguments_are_refused(arguments, sentence):
    with pytest.raises(ValueError, match="SkippableBlock") as refusal:
        SkippableBlock(**{"block": layers.Dense(6), **arguments})
    assert str(refusal.value).endswith(sentence)


@pytest.mark.parametrize("block", [layers.Dense(4), layers.Flatten()], ids=["width", "rank"])
def test_a_block_of_another_shape_than_the_shortcuts_is_refused(block):
    with pytest.raises(ValueError, match=r"must give one tensor of the shortcut's shape") as why:
        SkippableBlock(block)(np.zeros((2, 5, 6), "float32"))
    assert str(why.value).endswith("A `shortcut` layer can bring the input to the block's shape.")


def test_two_inputs_are_refused():
    with pytest.raises(ValueError, match="`inputs` must be one tensor, got"):
        SkippableBlock(layers.Add())([X, X])
