"""A few batches learned by heart, and the lecture's diagnoses where they are not."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_trainkit import layers as kit
from keras_trainkit import optimizers, tuning
from keras_trainkit.callbacks._batches import Batch

RNG = np.random.default_rng(2)
X = RNG.normal(size=(96, 8)).astype("float32")
LABELS = RNG.integers(0, 3, 96)
NOISE = RNG.normal(3.0, 2.0, size=(96, 2)).astype("float32")
SPARSE = "sparse_categorical_crossentropy"


def network(rate=0.02, loss="sparse_categorical_crossentropy", outputs=3, eager=False, more=()):
    def build():
        activation = "softmax" if outputs > 1 else None
        model = keras.Sequential(
            [keras.Input((8,)), layers.Dense(48, "relu"), *more, layers.Dense(outputs, activation)]
        )
        model.compile(optimizers.Adam(rate), loss, run_eagerly=eager)
        return model

    return build


def compiled(model, loss, rate=0.01, **arguments):
    model.compile(keras.optimizers.SGD(rate), loss, run_eagerly=True, **arguments)
    return model


def two_heads(losses, units, **arguments):
    inputs = keras.Input((8,))
    outputs = [
        layers.Dense(units, activation="softmax" if units > 1 else None, name=name)(inputs)
        for name in "ba"
    ]
    return compiled(keras.Model(inputs, outputs), losses, **arguments)


def straight(loss, *more, units=1):
    model = keras.Sequential([keras.Input((8,)), layers.Dense(units), *more])
    return compiled(model, loss)


def judge_of(model, labels, weights=None):
    from keras_trainkit.tuning.overfit_judge import OverfitJudge

    def half(part, rows):
        return None if part is None else keras.tree.map_structure(lambda leaf: leaf[rows], part)

    rows = (slice(0, 48), slice(48, 96))
    sample = [Batch(X[each], half(labels, each), half(weights, each)) for each in rows]
    return OverfitJudge("test", model, sample)


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
    result = tuning.overfit_small_sample(network(1e-5, eager=True), (X, LABELS), time_limit=20)
    assert 5 <= result.epochs <= 7
    assert result.finding == "not going down"
    assert result.verdict.endswith("The time limit ended it.")


def test_a_limit_too_short_blames_nothing():
    result = tuning.overfit_small_sample(network(eager=True), (X, LABELS), time_limit=1e-9)
    assert (result.passed, result.finding, len(result.losses)) == (False, "too early", 1)
    assert result.verdict.startswith("Too early to say: 1 batch in ")
    assert result.verdict.endswith("Raise `time_limit`.")
    result.plot()


def test_the_accuracy_is_looked_at_ever_more_seldom():
    result = tuning.overfit_small_sample(network(1e-5, eager=True), (X, LABELS), epochs=7)
    assert result.asked.tolist() == [1, 2, 3, 4, 6, 7]
    assert len(result.accuracies) == 6


def counts_loss(rates):
    labels = np.exp(NOISE[:, :1] / 4)
    return np.mean(rates - labels * np.log(rates)), np.mean(labels - labels * np.log(labels))


def entropy(labels):
    shares = np.bincount(labels) / len(labels)
    return -np.sum(shares * np.log(shares))


A, B = NOISE[:, 0], NOISE[:, 1]
SOME = (np.arange(96) % 3 > 0).astype("float32")
OTHER = (LABELS + np.arange(96)) % 3
FOCAL = keras.losses.BinaryFocalCrossentropy(from_logits=True, gamma=0.0)


@pytest.mark.parametrize(
    ("build", "labels", "weights", "constant", "floor"),
    [
        (lambda: straight("mse"), A, None, A.var(), 0),
        (lambda: straight("mse", layers.Reshape(())), A, None, A.var(), 0),
        (lambda: straight("mae"), A, None, np.abs(A - np.median(A)).mean(), 0),
        (lambda: straight("mse"), A, 100 * SOME, 200 / 3 * A[SOME > 0].var(), 0),
        (
            lambda: straight("poisson", layers.Activation("softplus")),
            np.exp(NOISE[:, :1] / 4),
            None,
            counts_loss(np.exp(NOISE[:, :1] / 4).mean())[0],
            counts_loss(1.0)[1],
        ),
        (
            lambda: straight("cosine_similarity", units=2),
            NOISE,
            None,
            -np.mean(NOISE @ NOISE.mean(0) / np.linalg.norm(NOISE, axis=1))
            / np.linalg.norm(NOISE.mean(0)),
            -1,
        ),
        (lambda: straight(FOCAL), SOME, None, entropy(SOME.astype(int)), 0),
        (
            lambda: two_heads(["mse", "mae"], 1, loss_weights=[1.0, 3.0]),
            [A, B],
            None,
            A.var() + 3 * np.abs(B - B.mean()).mean(),
            0,
        ),
        (
            lambda: two_heads({"a": SPARSE, "b": SPARSE}, 3, loss_weights={"a": 2.0, "b": 1.0}),
            {"a": LABELS, "b": OTHER},
            None,
            2 * entropy(LABELS) + entropy(OTHER),
            0,
        ),
    ],
    ids=["plain", "1-d", "absolute", "weights", "Poisson", "cosine", "logits", "heads", "classes"],
)
def test_what_counts_as_learned_without_an_accuracy(build, labels, weights, constant, floor):
    judge = judge_of(build(), labels, weights)
    assert not judge.counts
    np.testing.assert_allclose(judge.floor, floor, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(judge.target - judge.floor, (constant - floor) / 100, rtol=0.05)


def test_what_is_not_learned_below_a_constant():
    noise = RNG.normal(size=(96, 5)).astype("float32")
    result = tuning.overfit_small_sample(
        lambda: straight("cosine_similarity", units=5), (X, noise), epochs=1
    )
    assert not result.passed  # once 1% of a start near zero


@pytest.mark.parametrize(
    ("loss", "labels"),
    [
        (keras.losses.sparse_categorical_crossentropy, LABELS),
        (keras.losses.categorical_crossentropy, np.eye(3, dtype="float32")[LABELS]),
    ],
    ids=["class numbers", "logits"],
)
def test_a_function_of_logits_cannot_be_judged(loss, labels):
    def of_logits(y, logits):
        return loss(y, logits, from_logits=True)

    result = tuning.overfit_small_sample(
        lambda: straight(of_logits, units=3), (30 * X, labels), epochs=9
    )
    assert (result.passed, result.finding) == (False, "cannot be judged"), result
    assert "what a constant prediction would have is not known" in result.verdict


def test_labels_that_are_all_the_same_cannot_be_judged():
    result = tuning.overfit_small_sample(
        lambda: straight("mse"), (X, np.full(96, 7.0, "float32")), epochs=9
    )
    assert (result.passed, result.finding) == (False, "cannot be judged"), result
    assert result.verdict.endswith("but all labels are the same.")


@pytest.mark.parametrize("weight", [0.001, 100.0])
def test_sample_weights_count_from_the_start(weight):
    weights = np.full(96, weight, "float32")
    build = network(1e-3, "mse", 1, eager=True)
    result = tuning.overfit_small_sample(build, (X, NOISE[:, 0], weights), epochs=3)
    assert result.finding in ("not going down", "partly"), result


def test_what_has_no_weight_is_not_asked_for():
    twice = np.concatenate([X[:32], X[:32]])  # the second half contradicts the first
    labels = np.concatenate([LABELS[:32], (LABELS[:32] + 1) % 3])
    weights = np.repeat([1.0, 0.0], 32).astype("float32")
    result = tuning.overfit_small_sample(network(), (twice, labels, weights))
    assert result.passed, result
    assert "all 32 labels of 64 rows of 2 batches are right" in result.verdict


def test_padding_is_not_asked_for():
    words = np.arange(1, 97).reshape(16, 6)
    tags = RNG.integers(0, 3, (16, 6))
    words[:, 4:] = 0  # with chance tags, which nothing tells

    def build():
        embedding = layers.Embedding(97, 16, mask_zero=True)
        model = keras.Sequential([keras.Input((6,)), embedding, layers.Dense(3, "softmax")])
        model.compile(keras.optimizers.Adam(0.1), SPARSE)
        return model

    result = tuning.overfit_small_sample(build, (words, tags), epochs=40)
    assert result.passed, result
    assert "all 64 labels of 16 rows of 1 batch are right" in result.verdict


def test_the_labels_of_pixels_are_counted():
    images = np.zeros((4, 25, 1))  # of which nothing is known but the most frequent label
    labels = (np.arange(100) % 5 == 0).reshape(4, 25).astype("int64")
    model = keras.Sequential([keras.Input((25, 1)), layers.Dense(2, "softmax")])
    result = tuning.overfit_small_sample(
        lambda: compiled(model, SPARSE, 1.0), (images, labels), epochs=9
    )
    words = "80.0% of 100 labels of 4 rows of 1 batch are right after 9 epochs, 20 are not"
    assert words in result.verdict


def test_one_epoch_is_too_few_to_level_off():
    small = {"batches": 24, "batch_size": 4, "epochs": 1}
    result = tuning.overfit_small_sample(lambda: straight("mse"), (X, A), **small)
    assert "give it more epochs" in result.verdict


def test_a_sample_of_one_class_proves_nothing():
    result = tuning.overfit_small_sample(network(), (X, np.ones(96)))
    assert result.verdict.endswith("But all labels are the same, which proves nothing.")


def test_batches_of_images_of_two_sizes():
    batches = [(image, image) for image in (RNG.normal(size=(4, n, n, 1)) for n in (3, 5))]
    model = keras.Sequential([keras.Input((None, None, 1)), layers.Conv2D(1, 1)])
    result = tuning.overfit_small_sample(lambda: compiled(model, "mse", 0.3), batches, epochs=50)
    assert result.passed, result


class Penalised(layers.Layer):
    """Adds a loss that no prediction changes."""

    def call(self, inputs):
        self.add_loss(10.0 + 0.0 * keras.ops.sum(inputs))
        return inputs


def test_nothing_moves_at_a_rate_of_zero_whatever_build_has_trained():
    def build():
        model = keras.Sequential(
            [
                keras.Input((8,)),
                layers.Dense(36, kernel_constraint=keras.constraints.MaxNorm(0.1)),
                layers.Dropout(0.9),
                Penalised(),
                layers.Reshape((6, 6, 1)),
                kit.FractionalMaxPooling2D(1.5, draw_at_test=True),
                layers.Flatten(),
                layers.Dense(3, "softmax", kernel_regularizer=keras.regularizers.L2(1.0)),
            ]
        )
        model.compile(keras.optimizers.SGD(0.0), SPARSE)
        model.train_on_batch(X[:32], LABELS[:32])
        model.layers[0].kernel.assign(model.layers[0].kernel + 1.0)
        return model

    result = tuning.overfit_small_sample(build, (X[:32], LABELS[:32]), epochs=4)
    assert result.finding == "not going down"
    np.testing.assert_allclose(result.losses, result.losses[0], rtol=1e-5)


def test_the_penalties_of_optimizers_are_off():
    ftrl = keras.optimizers.Ftrl(0.1, -0.5, 0.1, 5.0, 5.0, l2_shrinkage_regularization_strength=5.0)
    inner = optimizers.ProximalAdagrad(0.1, l1_regularization_strength=5.0)
    for optimizer in (ftrl, optimizers.Lookahead(inner)):

        def build(optimizer=optimizer):
            model = keras.Sequential([keras.Input((8,)), layers.Dense(3, "softmax")])
            model.compile(optimizer, SPARSE, run_eagerly=True)
            return model

        tuning.overfit_small_sample(build, (X, LABELS), epochs=1)
    assert not ftrl.l1_regularization_strength
    assert not ftrl.l2_regularization_strength
    assert not ftrl.l2_shrinkage_regularization_strength
    assert not inner.l1_regularization_strength


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
        (network(), (X, LABELS + 1), {}, "`data` must .* 3 outputs take 0 to 2: they are off by"),
        (network(), (X, np.eye(3)[LABELS]), {}, r"`data` must have labels of shape \(32, 1\)"),
        (network(), (X, LABELS, np.zeros(96)), {}, "`data` must hold labels with a weight"),
        (network(loss=None), (X, LABELS), {}, "`build` must return a model compiled with a loss"),
        (network(), (X, LABELS), {"batches": 0}, "`batches` must be a whole number"),
        (network(), (X, LABELS), {"time_limit": 0}, "`time_limit` must be a finite number above 0"),
    ],
    ids=[
        "raises",
        "none",
        "uncompiled",
        "model",
        "nan",
        "empty",
        "off by one",
        "one-hot",
        "no weight",
        "no loss",
        "batches",
        "time",
    ],
)
def test_what_is_refused(build, data, arguments, words):
    with pytest.raises(ValueError, match=rf"^`overfit_small_sample`: {words}"):
        tuning.overfit_small_sample(build, data, **arguments)
