"""Averaged predictions against NumPy means of the members' own."""

import gc
import weakref

import keras
import numpy as np
import pytest
from members import CLASSES, Noisy, classifier, images, labels, predictions, same, state
from sklearn.metrics import log_loss

from keras_trainkit import layers
from keras_trainkit.inference import AveragedPredictor


class Dataset(keras.utils.PyDataset):
    def __init__(self, x, y):
        super().__init__()
        self.x, self.y = x, y

    def __len__(self):
        return 3

    def __getitem__(self, index):
        piece = slice(4 * index, 4 * index + 4)
        return self.x[piece], self.y[piece]


def on_disk(folder, models):
    paths = []
    for number, model in enumerate(models):
        paths.append(folder / f"m{number}.keras")
        model.save(paths[-1])
    return paths


def softmax(z):
    return np.exp(z) / np.exp(z).sum(-1, keepdims=True)


@pytest.fixture(scope="module")
def three():
    return [classifier(seed) for seed in range(3)]


def test_the_mean_of_models_in_memory_and_on_disk(three, tmp_path):
    x = images()
    expected = np.mean([predictions(model, x) for model in three], axis=0)
    paths = on_disk(tmp_path, three)
    for models in (three, [three[0], *paths[1:]]):
        predictor = AveragedPredictor(models)
        result = predictor.predict(x, batch_size=4, verbose=0)
        assert result.dtype == np.float32
        np.testing.assert_allclose(result, expected, atol=1e-6)
    called = keras.ops.convert_to_numpy(predictor(x[:5]))
    np.testing.assert_allclose(called, expected[:5], atol=1e-6)


def test_the_geometric_mean(three):
    x = images()
    logs = np.mean([np.log(predictions(model, x)) for model in three], axis=0)
    result = AveragedPredictor(three, average="logits").predict(x, verbose=0)
    np.testing.assert_allclose(result, softmax(logs), atol=1e-6)


@pytest.mark.parametrize("average", ["probabilities", "logits"])
def test_models_without_a_softmax(average):
    models = [classifier(seed, activation="linear") for seed in range(2)]
    x = images()
    first, second = (predictions(model, x) for model in models)
    expected = {
        "probabilities": (softmax(first) + softmax(second)) / 2,
        "logits": softmax((first + second) / 2),
    }
    predictor = AveragedPredictor(models, average=average, from_logits=True)
    np.testing.assert_allclose(predictor.predict(x, verbose=0), expected[average], atol=1e-6)


@pytest.mark.parametrize("average", ["probabilities", "logits"])
@pytest.mark.parametrize("activation", ["sigmoid", "linear"])
def test_one_sigmoid(average, activation):
    models = [classifier(seed, classes=1, activation=activation) for seed in range(2)]
    x = images()
    p = [predictions(model, x) for model in models]
    if activation == "linear":
        p = [1 / (1 + np.exp(-z)) for z in p]
    odds = np.sqrt(p[0] * p[1] / ((1 - p[0]) * (1 - p[1])))
    expected = np.mean(p, axis=0) if average == "probabilities" else odds / (1 + odds)
    predictor = AveragedPredictor(models, average=average, from_logits=activation == "linear")
    np.testing.assert_allclose(predictor.predict(x, verbose=0), expected, atol=1e-5)


def test_the_mean_of_views(three):
    x = images()
    views = [lambda x: x, lambda x: x[:, ::-1], lambda x: 2 * x]
    for given, seen in ((views, [view(x) for view in views]), ("flips", [x, x[:, :, ::-1]])):
        result = AveragedPredictor(three[0], views=given).predict(x, batch_size=4, verbose=0)
        expected = np.mean([predictions(three[0], view) for view in seen], axis=0)
        np.testing.assert_allclose(result, expected, atol=1e-6)


def test_the_mean_of_crops(three):
    x = images(side=9)
    crops = layers.MultiCrop(6, short_sides=(7, 8), crops=10)
    seen = np.asarray(crops(x))  # (n, 20, 6, 6, 1)
    expected = np.mean([predictions(three[0], seen[:, i]) for i in range(20)], axis=0)
    result = AveragedPredictor(three[0], views=crops).predict(x, verbose=0)
    np.testing.assert_allclose(result, expected, atol=1e-6)


NOISE = [
    layers.DropConnect(keras.layers.Dense(8), 0.5),
    keras.layers.Dropout(0.5, seed=7),  # on PyTorch only a seeded one can be reproduced
    keras.layers.AlphaDropout(0.3),
    keras.layers.GaussianDropout(0.3),
    keras.layers.GaussianNoise(0.5),
]


@pytest.mark.parametrize("noise", NOISE, ids=lambda layer: type(layer).__name__)
def test_draws_differ_and_are_the_same_for_the_same_seed(noise):
    model, x = classifier(noise=noise), images()
    before = state(model)
    plain = AveragedPredictor(model).predict(x, verbose=0)
    np.testing.assert_allclose(plain, predictions(model, x), atol=1e-6)
    two = AveragedPredictor(model, draws=2, seed=1).predict(x, verbose=0)
    again = AveragedPredictor(model, draws=2, seed=1)
    np.testing.assert_array_equal(again.predict(x, verbose=0), two)
    np.testing.assert_array_equal(again.predict(x, verbose=0), two)
    three = AveragedPredictor(model, draws=3, seed=1).predict(x, verbose=0)
    other = AveragedPredictor(model, draws=2, seed=2).predict(x, verbose=0)
    for result in (three, other, plain):
        assert np.abs(result - two).max() > 1e-3
    third = 3 * three - 2 * two  # a draw like the others, of probabilities
    assert np.abs(third - two).max() > 1e-3
    np.testing.assert_allclose(third.sum(-1), 1, atol=1e-5)
    assert same(before, state(model))


def test_fractional_pooling_draws_regions():
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            layers.FractionalMaxPooling2D(1.4),
            keras.layers.Flatten(),
            keras.layers.Dense(CLASSES, activation="softmax"),
        ]
    )
    x, before = images(), state(model)
    plain = AveragedPredictor(model).predict(x, verbose=0)
    np.testing.assert_allclose(plain, predictions(model, x), atol=1e-6)
    results = [
        AveragedPredictor(model, draws=draws, seed=1).predict(x, verbose=0) for draws in (2, 2, 3)
    ]
    np.testing.assert_array_equal(results[0], results[1])
    assert np.abs(results[0] - results[2]).max() > 1e-3
    assert np.abs(results[0] - plain).max() > 1e-3
    assert same(before, state(model))


def test_many_draws_are_their_expectation():
    model, x = classifier(noise=keras.layers.Dropout(0.5)), images(3)
    hidden = keras.Model(model.input, model.layers[3].output)  # up to batch normalisation
    h = predictions(hidden, x)
    kernel, bias = (keras.ops.convert_to_numpy(w) for w in model.layers[-2].weights)
    masks = np.array([[i >> b & 1 for b in range(8)] for i in range(256)])  # all there are
    expected = softmax((h[:, None] * masks * 2) @ kernel + bias).mean(axis=1)
    result = AveragedPredictor(model, draws=600, seed=3).predict(x, verbose=0)
    np.testing.assert_allclose(result, expected, atol=4 * 0.5 / np.sqrt(600))


def test_layers_named_by_their_kind_draw_wherever_they_are():
    class Subclassed(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = keras.Sequential([keras.layers.Flatten(), Noisy(seed=1)])
            self.normal = keras.layers.BatchNormalization()
            self.outer = keras.layers.Dense(CLASSES, activation="softmax")

        def call(self, x, training=None):
            return self.outer(self.normal(self.inner(x, training=training), training=training))

    model, x = Subclassed(), images()
    model(x)
    before = state(model)
    plain = AveragedPredictor(model, noise=(Noisy,)).predict(x, verbose=0)
    drawn = AveragedPredictor(model, draws=4, noise=(Noisy,), seed=1).predict(x, verbose=0)
    np.testing.assert_allclose(plain, predictions(model, x), atol=1e-6)
    assert np.abs(plain - drawn).max() > 1e-3
    # with the statistics of the batch, one example alone would have outputs of its own
    alone = AveragedPredictor(model, draws=4, noise=(Noisy,), seed=1)(x[:1])
    assert np.ptp(keras.ops.convert_to_numpy(alone)) > 1e-3
    assert same(before, state(model))


def test_batch_normalization_inside_of_what_draws_stays_as_in_testing():
    @keras.saving.register_keras_serializable(package="tests")
    class Block(keras.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.normal = keras.layers.BatchNormalization()

        def build(self, shape):
            self.normal.build(shape)

        def call(self, inputs, training=False):
            return self.normal(inputs, training=training)

    model, x = classifier(noise=Block()), images()
    drawn = AveragedPredictor(model, draws=2, noise=(Block,)).predict(x, verbose=0)
    np.testing.assert_allclose(drawn, predictions(model, x), atol=1e-6)


def test_an_exception_and_an_interrupt_leave_the_model_as_it_was():
    class Breaking(keras.layers.Layer):
        breaks = None

        def call(self, inputs):
            if self.breaks:
                raise self.breaks
            return inputs

    breaking = Breaking()
    model = classifier(noise=lambda x: breaking(keras.layers.Dropout(0.5)(x)))
    predictor = AveragedPredictor(model, draws=2, seed=1)
    for error in (KeyboardInterrupt(), ArithmeticError("no")):
        breaking.breaks = error
        before = state(model)
        with pytest.raises(type(error)):
            predictor.predict(images(), verbose=0)
        breaking.breaks = None
        assert same(before, state(model))


def test_datasets_generators_and_arrays_are_the_same(three):
    x, y = images(), labels()
    expected = AveragedPredictor(three).predict(x, verbose=0)
    batches = [(x[i : i + 4], y[i : i + 4]) for i in (0, 4, 8)]
    import tensorflow as tf

    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(4)
    sources = {
        "dataset": lambda: dataset,
        "without labels": lambda: dataset.map(lambda x, y: x),
        "PyDataset": lambda: Dataset(x, y),
        "generator": lambda: iter(batches),
    }
    for name, source in sources.items():
        result = AveragedPredictor(three).predict(source(), verbose=0)
        np.testing.assert_allclose(result, expected, atol=1e-6, err_msg=name)
    endless = dataset.repeat()
    result = AveragedPredictor(three).predict(endless, steps=3, verbose=0)
    np.testing.assert_allclose(result, expected, atol=1e-6)


def test_metrics_are_those_of_keras_on_the_mean(three):
    x, y = images(), labels()
    weights = np.linspace(0, 1, len(y)).astype("float32")
    p = AveragedPredictor(three).predict(x, verbose=0)
    metrics = ["accuracy", keras.metrics.SparseCategoricalCrossentropy(name="nll")]
    result = AveragedPredictor(three).evaluate(
        x, y, weights, metrics=metrics, batch_size=4, verbose=0, return_dict=True
    )
    right = p.argmax(-1) == y
    assert result["accuracy"] == pytest.approx(np.average(right, weights=weights), abs=1e-6)
    loss = log_loss(y, p, sample_weight=weights, labels=range(CLASSES))
    assert result["nll"] == pytest.approx(loss, rel=1e-5)
    one_hot = np.eye(CLASSES)[y]
    evaluated = AveragedPredictor(three).evaluate(x, one_hot, verbose=0)
    assert evaluated == pytest.approx(right.mean(), abs=1e-6)


def test_one_model_from_disk_is_in_memory_at_a_time(three, tmp_path, monkeypatch):
    alive, most = [], []
    load = keras.saving.load_model

    def watched(path, **kwargs):
        gc.collect()
        most.append(sum(each() is not None for each in alive))
        model = load(path, **kwargs)
        alive.append(weakref.ref(model))
        return model

    monkeypatch.setattr(keras.saving, "load_model", watched)
    predictor = AveragedPredictor(on_disk(tmp_path, three))
    predictor.predict(images(), verbose=0)
    assert len(alive) == 5  # each is tried, and the first is still there when work begins
    assert max(most) == 0


def test_a_bar_counts_all_passes(three, tmp_path, capsys):
    paths = on_disk(tmp_path, three[:2])
    AveragedPredictor(paths).predict(images(), batch_size=4, verbose=1)
    assert "6/6" in capsys.readouterr().err
    AveragedPredictor(three).predict(images(), batch_size=4, verbose=0)
    assert capsys.readouterr().err == ""
