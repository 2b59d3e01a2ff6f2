"""A few batches learned by heart, and the lecture's diagnoses where they are not."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_trainkit import layers as kit
from keras_trainkit import optimizers, tuning

RNG = np.random.default_rng(2)
X = RNG.normal(size=(96, 8)).astype("float32")
LABELS = RNG.integers(0, 3, 96)


def network(rate=0.02, loss="sparse_categorical_crossentropy", outputs=3, eager=False, more=()):
    def build():
        activation = "softmax" if outputs > 1 else None
        model = keras.Sequential(
            [keras.Input((8,)), layers.Dense(48, "relu"), *more, layers.Dense(outputs, activation)]
        )
        model.compile(optimizers.Adam(rate), loss, run_eagerly=eager)
        return model

    return build


def test_chance_labels_are_learned_by_heart(tmp_path):
    result = tuning.overfit_small_sample(network(), (X, LABELS))
    assert (result.passed, result.finding, result.accuracy) == (True, "learned", 1.0)
    assert result.accuracies[-1] == 1.0
    assert (result.accuracies[:-1] < 1).all()  # it ends as soon as all is right
    assert len(result.losses) == 3 * result.epochs
    assert (
        result.verdict
        == f"Learned: all 96 rows of 3 batches are right after {result.epochs} epochs."
    )
    figure = result.plot(tmp_path / "sample.png")
    assert (tmp_path / "sample.png").stat().st_size > 10_000
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["Loss", "Accuracy"]


def test_whatever_hinders_is_off():
    seen = {}

    def build():
        inputs = keras.Input((8,))
        noisy = layers.GaussianNoise(1.0)(layers.Dropout(0.9)(inputs))
        hidden = layers.Dense(
            64, "relu", kernel_regularizer=keras.regularizers.L2(10.0), activity_regularizer="l2"
        )(noisy)
        hidden = layers.BatchNormalization()(hidden)
        hidden = kit.StochasticDepth(0.5)([hidden, layers.Dense(64)(hidden)])
        hidden = layers.ActivityRegularization(l2=5.0)(layers.AlphaDropout(0.8)(hidden))
        hidden = layers.Reshape((8, 8))(hidden)
        hidden = layers.GRU(32, dropout=0.8, recurrent_dropout=0.8)(hidden)
        seen["model"] = keras.Model(inputs, layers.Dense(3, "softmax")(hidden))
        seen["optimizer"] = keras.optimizers.AdamW(0.01, weight_decay=50.0)
        loss = "sparse_categorical_crossentropy"
        seen["model"].compile(seen["optimizer"], loss, jit_compile=False)
        return seen["model"]

    result = tuning.overfit_small_sample(build, (X[:32], LABELS[:32]))
    assert result.passed, result
    model = seen["model"]
    assert not model.losses
    assert not model.optimizer.weight_decay
    # Nothing is left to chance: the same batch gives the same outputs in training mode.
    first, second = (keras.ops.convert_to_numpy(model(X[:32], training=True)) for _ in "ab")
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    ("build", "finding", "words"),
    [
        (network(1e-7, eager=True), "not going down", "rate is too low, or the initialisation"),
        (network(1e9, "mse", 1), "exploding", "rate is too high, or the initialisation"),
        (network(1e-2, eager=True), "partly", "still falls: give it more epochs"),
    ],
    ids=["too low", "too high", "too short"],
)
def test_the_diagnoses(build, finding, words):
    result = tuning.overfit_small_sample(build, (X, LABELS), epochs=4)
    assert (result.passed, result.finding) == (False, finding)
    assert words in result.verdict
    result.plot()


def test_a_loss_that_is_not_finite_ends_it():
    def build():
        model = keras.Sequential([keras.Input((8,)), layers.Dense(1)])
        model.compile(keras.optimizers.SGD(1e30), "mse", run_eagerly=True)
        return model

    result = tuning.overfit_small_sample(build, (X, LABELS))
    assert (result.finding, result.epochs) == ("exploding", 1)
    assert "no longer finite" in result.verdict
    assert not np.isfinite(result.losses[-1])


def test_rows_that_contradict_each_other_are_named():
    twice = np.concatenate([X[:16], X[:16]])
    labels = np.concatenate([LABELS[:16], 2 - LABELS[:16]])
    contradictions = np.sum(LABELS[:16] != 1)
    result = tuning.overfit_small_sample(network(eager=True), (twice, labels), epochs=25)
    assert f"{contradictions} rows have the input of another one" in result.verdict


def test_a_regression_is_learned_at_one_percent_of_a_constants_loss():
    y = RNG.normal(3.0, 2.0, size=64).astype("float32")
    result = tuning.overfit_small_sample(network(0.01, "mse", 1), (X[:64], y), epochs=400)
    assert result.passed, result
    assert np.isnan(result.accuracy)
    assert result.losses[-2:].mean() <= 0.01 * y.var() < result.losses[-4:-2].mean() * 1.5
    assert "are learned (loss from" in result.verdict


def test_the_time_limit(monkeypatch):
    ticks = iter(range(1000))
    monkeypatch.setattr("time.monotonic", lambda: next(ticks))
    result = tuning.overfit_small_sample(network(1e-5, eager=True), (X, LABELS), time_limit=5)
    assert result.epochs < 5
    assert result.verdict.endswith("The time limit ended it.")


def test_a_dataset_gives_its_first_batches_and_arrays_any_rows():
    import tensorflow as tf

    dataset = tf.data.Dataset.from_tensor_slices((X, LABELS)).batch(16)
    arguments = {"epochs": 1, "batches": 2}
    build = network(eager=True)
    assert tuning.overfit_small_sample(build, dataset, **arguments).rows == 32
    assert tuning.overfit_small_sample(build, (dataset, (X, LABELS)), **arguments).rows == 32
    order = np.argsort(LABELS)  # sorted: the first rows are of one class, which is no task
    result = tuning.overfit_small_sample(build, (X[order], LABELS[order]), **arguments)
    assert result.accuracy < 1


@pytest.mark.parametrize(
    ("build", "data", "arguments", "words"),
    [
        (lambda: 1 / 0, (X, LABELS), {}, "`build` raised ZeroDivisionError: division by zero"),
        (lambda: None, (X, LABELS), {}, "`build` must return a compiled keras.Model"),
        (keras.Sequential, (X, LABELS), {}, "`build` must return a compiled model"),
        (network()(), (X, LABELS), {}, "`build` must be a function that returns a new"),
        (network(), (np.nan * X, LABELS), {}, "`data` must have a finite loss before any step"),
        (network(), (X[:0], LABELS[:0]), {}, "`data` must hold at least one batch"),
        (network(), (X, LABELS), {"batches": 0}, "`batches` must be a whole number"),
        (network(), (X, LABELS), {"time_limit": 0}, "`time_limit` must be a finite number above 0"),
    ],
    ids=["raises", "none", "uncompiled", "model", "nan", "empty", "batches", "time"],
)
def test_what_is_refused(build, data, arguments, words):
    with pytest.raises(ValueError, match=f"^`overfit_small_sample`: {words}"):
        tuning.overfit_small_sample(build, data, **arguments)
