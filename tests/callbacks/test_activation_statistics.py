"""Activations against a forward pass by hand, and the lecture's three cases."""

import os

import keras
import numpy as np
import pytest
from keras import layers

from keras_trainkit.callbacks import (
    ActivationStatistics,
    activation_statistics,
    check_activations,
)
from keras_trainkit.callbacks.check_activations import check_activations as look
from keras_trainkit.callbacks.draw_activations import draw_activations

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 256)).astype("float32")
Y = np.arange(64) % 10


def normal(deviation):
    return keras.initializers.RandomNormal(stddev=deviation)


def network(activation, start, depth=6, width=256):
    hidden = [layers.Dense(width, activation, kernel_initializer=start) for _ in range(depth)]
    model = keras.Sequential([keras.Input((256,)), *hidden, layers.Dense(10, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def by_hand(model, x, functions):
    """The output of each Dense layer."""
    outputs = []
    for layer, function in zip(model.layers, functions, strict=True):
        kernel, bias = (keras.ops.convert_to_numpy(w).astype("float64") for w in layer.weights)
        x = function(x @ kernel + bias)
        outputs.append(x)
    return outputs


def test_the_figures_are_those_of_a_forward_pass_by_hand():
    model = keras.Sequential(
        [
            keras.Input((256,)),
            layers.Dense(30, "tanh", kernel_initializer=normal(0.2)),
            layers.Dense(40, "relu", bias_initializer=normal(0.3)),
            layers.Dense(20, "sigmoid", kernel_initializer=normal(2.0)),
            layers.Dense(5),
        ]
    )
    functions = [np.tanh, lambda z: np.maximum(z, 0), lambda z: 1 / (1 + np.exp(-z)), lambda z: z]
    reading = check_activations(model, X)
    slopes = {"tanh": lambda y: 1 - y**2, "sigmoid": lambda y: 4 * y * (1 - y)}
    for layer, found, y in zip(
        model.layers, reading.layers, by_hand(model, X, functions), strict=True
    ):
        assert (found.name, found.activation) == (layer.name, layer.activation.__name__)
        assert found.mean == pytest.approx(y.mean(), rel=1e-4, abs=1e-5)
        assert found.deviation == pytest.approx(y.std(), rel=1e-4)
        assert found.zeros == np.mean(y == 0)
        if found.activation in slopes:
            share = np.mean(slopes[found.activation](y) < 0.1)
            assert share > 0.1
            assert found.saturated == pytest.approx(share, abs=2 / y.size)
        else:
            assert np.isnan(found.saturated)
        assert found.counts.sum() == y.size
        np.testing.assert_allclose(found.edges[[0, -1]], [y.min(), y.max()], rtol=1e-4, atol=1e-6)


LECTURE = [  # on 256 units, as 0.01 and 0.05 are on the lecture's 4096
    ("tanh", normal(0.01 * 4), "too small", "deviation falls from"),
    ("tanh", normal(0.05 * 4), "too big", "are saturated, where tanh has no slope"),
    ("tanh", "glorot_normal", "just right", "goes from 0.6"),
    ("relu", "glorot_normal", "too small", "the gradients die away"),
    ("relu", "he_normal", "just right", ""),
    ("relu", normal(0.2), "too big", "deviation grows from"),
    ("sigmoid", "glorot_uniform", "just right", ""),
    ("sigmoid", normal(1.0), "too big", "are saturated, where sigmoid"),
    ("tanh", "zeros", "too small", "100% of the activations"),
]


@pytest.mark.parametrize(
    ("activation", "start", "finding", "words"),
    LECTURE,
    ids=[f"{row[0]}-{getattr(row[1], 'stddev', row[1])}" for row in LECTURE],
)
def test_the_cases_of_the_lecture(activation, start, finding, words):
    reading = check_activations(network(activation, start), X)
    assert reading.finding == finding
    assert reading.verdict.lower().startswith(finding + ": ")
    assert words in reading.verdict


@pytest.mark.parametrize("depth", [1, 2, 20])
@pytest.mark.parametrize(
    ("activation", "start"), [("tanh", "glorot_uniform"), ("relu", "he_uniform")]
)
def test_right_weights_are_right_at_every_depth(activation, start, depth):
    assert check_activations(network(activation, start, depth), X).finding == "just right"


def test_one_hidden_layer_is_compared_with_the_input():
    for start, finding in ((normal(0.001), "too small"), (normal(4.0), "too big")):
        reading = check_activations(network("relu", start, depth=1), X)
        assert reading.finding == finding
        assert "1 in the input" in reading.verdict


def test_a_small_gate_on_the_way_is_no_collapse():
    inputs = keras.Input((256,))
    x = layers.Dense(256, "relu", kernel_initializer="he_normal")(inputs)
    gate = layers.Dense(256, "sigmoid", kernel_initializer=normal(0.001))(x)
    x = layers.Dense(256, "relu", kernel_initializer=normal(0.2))(layers.Multiply()([x, gate]))
    model = keras.Model(inputs, layers.Dense(2)(x))
    reading = check_activations(model, X)
    assert min(layer.deviation for layer in reading.layers) < 1 / 20
    assert reading.finding == "just right"


def test_an_input_that_is_not_normalised_is_the_first_to_blame():
    reading = check_activations(network("tanh", "glorot_uniform"), 100 + 50 * X)
    assert reading.finding == "too big"
    assert reading.verdict.endswith("normalise it first.")
    assert "The input reaches" in reading.verdict


@pytest.mark.parametrize(
    "first",
    [
        lambda: layers.Rescaling(1 / 127.5, -1),
        layers.BatchNormalization,
        lambda: keras.Sequential([layers.Rescaling(1 / 127.5, -1), layers.LayerNormalization()]),
    ],
    ids=["rescaled", "normalised", "nested"],
)
def test_the_scale_is_that_of_what_the_first_weights_see(first):
    pixels = RNG.integers(0, 256, size=(64, 256)).astype("float32")
    for start, finding in (("he_normal", "just right"), (normal(4.0), "too big")):
        dense = layers.Dense(64, "relu", kernel_initializer=start)
        model = keras.Sequential([keras.Input((256,)), first(), dense, layers.Dense(2)])
        reading = check_activations(model, pixels)
        assert reading.finding == finding
        assert "normalise it first" not in reading.verdict


def test_ids_have_no_scale():
    ids = RNG.integers(0, 5000, size=(64, 12)).astype("float32")
    hidden = layers.Dense(64, "relu", kernel_initializer="he_normal")
    body = [layers.Embedding(5000, 16), layers.Flatten(), hidden, layers.Dense(2)]
    assert check_activations(keras.Sequential(body), ids).finding == "just right"


def test_what_is_not_finite_is_named():
    x = X.copy()
    x[3, 3] = np.nan
    model = network("relu", "he_normal", depth=2)
    assert f"of {model.layers[0].name} are not finite" in check_activations(model, x).verdict
    figure = draw_activations([check_activations(model, np.full((4, 256), np.nan))])
    figure.canvas.draw()


def test_batch_normalization_takes_the_statistics_of_the_batch():
    model = keras.Sequential([keras.Input((256,)), layers.BatchNormalization(), layers.Dense(3)])
    normalized = look(model, 3 + 5 * X).layers[0]
    assert normalized.mean == pytest.approx(0, abs=1e-4)
    assert normalized.deviation == pytest.approx(1, abs=1e-3)


class Block(layers.Layer):
    """A composite with a model inside, as in subclassed models."""

    def __init__(self):
        super().__init__()
        self.convolution = layers.Conv2D(4, 3, padding="same", use_bias=False)
        self.normalization = layers.BatchNormalization()
        self.tail = keras.Sequential([layers.ReLU(max_value=6), layers.Dropout(0.5)])

    def call(self, x, training=None):
        return self.tail(self.normalization(self.convolution(x)), training=training)


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.block = Block()
        self.blocks = [Block()]
        self.pool = layers.GlobalAveragePooling2D()
        self.head = layers.Dense(10)

    def call(self, x, training=None):
        x = self.blocks[0](self.block(x, training=training), training=training)
        return self.head(self.pool(x))


class Opaque(layers.Layer):
    """Has its own weights, and nobody inside gives out anything."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(4)

    def build(self, shape):
        self.dense.build(shape)

    def call(self, x):
        return keras.ops.tanh(x @ self.dense.kernel)


def test_layers_are_found_wherever_they_are():
    def kinds(model, x):
        return [layer.activation for layer in look(model, x).layers]

    images = RNG.normal(size=(4, 6, 6, 3)).astype("float32")
    block = ["linear", "linear", "relu6"]
    assert kinds(Subclassed(), images) == [*block, *block, "linear"]
    inputs = keras.Input((6, 6, 3))
    nested = keras.Model(inputs, layers.Activation("gelu")(Subclassed()(inputs)))
    assert kinds(nested, images) == [*block, *block, "linear", "gelu"]

    words = np.arange(12).reshape(3, 4) % 5
    recurrent = keras.Sequential(
        [
            layers.Embedding(5, 8),
            layers.Bidirectional(layers.LSTM(6, return_sequences=True)),
            layers.GRU(6),
            layers.Dense(2, "softmax"),
        ]
    )
    assert kinds(recurrent, words) == ["linear", "tanh", "tanh", "tanh", "softmax"]

    shared = layers.Dense(8, "elu")
    inputs = keras.Input((8,))
    twice = keras.Model(inputs, shared(shared(inputs)))
    assert [row.name for row in look(twice, X[:, :8]).layers] == [shared.name] * 2
    assert kinds(keras.Sequential([Opaque()]), X) == ["linear"]


def state(model):
    variables = [*model.variables, *model.optimizer.variables]
    return [keras.ops.convert_to_numpy(variable).copy() for variable in variables]


def noisy():
    model = keras.Sequential(
        [
            keras.Input((256,)),
            layers.Dense(8, "relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.4),
            layers.Dense(10, "softmax"),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def test_nothing_is_left_behind():
    model = noisy()
    model.fit(X, Y, verbose=0)
    before = state(model)
    first = check_activations(model, X)
    assert check_activations(model, X) == first  # the same draws: seeds stand still
    for old, new in zip(before, state(model), strict=True):
        np.testing.assert_array_equal(old, new)
    with pytest.raises(Exception, match="shape"):
        check_activations(model, X[:, :3])
    assert all("call" not in vars(layer) for layer in model.layers)
    mine = model.layers[0].call = lambda x, **_: 0 * x[:, :8]  # somebody else's patch stays
    assert check_activations(model, X).finding == "too small"
    assert model.layers[0].call is mine


def test_training_goes_on_as_if_it_were_not_there():
    def weights(callbacks):
        keras.utils.set_random_seed(3)
        model = noisy()
        model.fit(X, Y, epochs=2, verbose=0, callbacks=callbacks)
        return model.get_weights()

    statistics = ActivationStatistics(X, each_epoch=True, verbose=0)
    for bare, watched in zip(weights([]), weights([statistics]), strict=True):
        np.testing.assert_array_equal(bare, watched)
    assert len(statistics.readings) == 3


class Counting(layers.Dense):
    calls = 0

    def call(self, inputs):
        Counting.calls += 1
        return super().call(inputs)


def test_nothing_is_traced_again():
    def calls(callbacks):
        model = keras.Sequential([keras.Input((256,)), Counting(4), layers.Dense(10, "softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy")
        before = Counting.calls
        model.fit(X, Y, epochs=4, verbose=0, callbacks=callbacks)
        return Counting.calls - before

    # once at the start and once an epoch, and no more
    assert calls([ActivationStatistics(X, each_epoch=True, verbose=0)]) == calls([]) + 5


def test_the_callback_says_what_it_sees(capsys, tmp_path):
    path = tmp_path / "new" / "activations.png"
    model = network("tanh", "glorot_normal", depth=2)
    statistics = ActivationStatistics((X, Y), path)
    model.fit(X, Y, verbose=0, callbacks=[statistics])
    (reading,) = statistics.readings
    said = capsys.readouterr().out.strip().splitlines()
    assert said == str(reading).splitlines()
    assert said[0].split() == ["layer", "activation", "mean", "deviation", "zeros", "saturated"]
    assert said[1].split()[:2] == [model.layers[0].name, "tanh"]
    assert said[-1] == reading.verdict
    assert path.read_bytes().startswith(b"\x89PNG")
    assert os.listdir(path.parent) == ["activations.png"]


def test_a_verdict_that_changes_is_said(capsys):
    class Spoil(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                self.model.set_weights([10 * w for w in self.model.get_weights()])

    model = network("tanh", "glorot_normal", depth=2)
    statistics = ActivationStatistics(X, each_epoch=True)
    model.fit(X, Y, epochs=4, verbose=0, callbacks=[Spoil(), statistics])
    assert [reading.finding for reading in statistics.readings] == ["just right"] * 2 + [
        "too big"
    ] * 3
    said = capsys.readouterr().out.splitlines()
    (change,) = [line for line in said if line.startswith("Activations after")]
    assert change.startswith("Activations after epoch 2: Too big: ")


def test_one_fixed_batch_is_looked_at():
    class Batches:
        """An iterable whose batches differ each time."""

        opened = 0

        def __iter__(self):
            Batches.opened += 1
            yield 2 * X, Y
            raise AssertionError("only the first is read")

    model = network("tanh", "glorot_normal", depth=1)
    statistics = ActivationStatistics(Batches(), each_epoch=True, examples=16, verbose=0)
    model.optimizer.learning_rate = 0.0
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[statistics])
    assert Batches.opened == 1
    assert statistics.readings[2] == statistics.readings[0] == look(model, 2 * X[:16])
    assert look(model, 2 * X, examples=16) == statistics.readings[0]


def test_several_inputs():
    one, two = keras.Input((8,), name="one"), keras.Input((8,), name="two")
    model = keras.Model([one, two], layers.Dense(4)(layers.Add()([one, two])))
    data = {"one": X[:, :8], "two": X[:, 8:16]}
    assert len(look(model, data).layers) == 1
    assert look(model, ([X[:, :8], X[:, 8:16]], Y)) == look(model, data)


def test_a_full_disk_does_not_stop_the_training(tmp_path, monkeypatch):
    def full(path):
        raise OSError("No space left on device")

    monkeypatch.setattr(activation_statistics, "whole_file", full)
    statistics = ActivationStatistics(X, tmp_path / "a.png", verbose=0)
    with pytest.warns(UserWarning, match="`ActivationStatistics`: no picture at .*No space left"):
        network("relu", "he_normal", 1).fit(X, Y, verbose=0, callbacks=[statistics])


def test_the_picture_holds_the_figures():
    model = network("tanh", "glorot_normal", depth=3)
    first = look(model, X)
    model.set_weights([2 * w for w in model.get_weights()])
    last = look(model, X)
    figure = draw_activations([first, last])
    left, above, below = figure.axes
    for line, reading in zip(above.lines, (first, last), strict=True):
        np.testing.assert_array_equal(line.get_ydata(), [row.deviation for row in reading.layers])
    bars = [bar.get_height() for bar in below.patches]
    assert bars[4:7] == [row.saturated for row in last.layers[:3]]
    assert [tick.get_text() for tick in left.get_xticklabels()] == [
        layer.name for layer in model.layers
    ]
    assert figure.texts[0].get_text() == f"Activations {last.finding}"


def test_what_is_refused():
    model = network("relu", "he_normal", depth=1)
    bare = keras.Sequential([keras.Input((256,)), layers.Flatten()])
    for case, data, arguments, words in [
        (model, X[:0], {}, "`data` must hold at least one row"),
        (model, [], {}, "`data` must hold at least one row"),
        (model, X, {"examples": 0}, "`examples` must be a whole number of at least 1"),
        (bare, X, {}, "`model` must have layers with weights or activations"),
        (lambda: model, X, {}, "`model` must be a keras.Model, got 'function'"),
        (model, None, {}, "`data` must be inputs, .* got 'NoneType'"),
    ]:
        with pytest.raises(ValueError, match=f"^`check_activations`: {words}"):
            check_activations(case, data, **arguments)
    for arguments, words in [
        ({"path": "a.txt"}, "`path` must end in .png, .svg or .pdf"),
        ({"each_epoch": 2}, "`each_epoch` must be True or False"),
        ({"examples": 0}, "`examples` must be a whole number"),
    ]:
        with pytest.raises(ValueError, match=f"^`ActivationStatistics`: {words}"):
            ActivationStatistics(X, **arguments)
