"""The loss at the start, against log(C) and against a loss computed by hand."""

import math

import keras
import numpy as np
import pytest
from keras import layers, losses

from keras_trainkit.callbacks import InitialLossCheck
from keras_trainkit.callbacks.initial_loss_check import check_initial_loss

RNG = np.random.default_rng(0)
X = RNG.normal(size=(256, 6)).astype("float32")
Y = np.arange(256) % 10
SPARSE = losses.SparseCategoricalCrossentropy


def one_hot(y, classes=10):
    return np.eye(classes, dtype="float32")[y]


def network(loss, outputs=10, activation="softmax", start=None, noisy=False):
    noise = [
        layers.BatchNormalization(),
        layers.Dropout(0.4),
        layers.ActivityRegularization(l2=0.3),
    ]
    model = keras.Sequential(
        [
            keras.Input((6,)),
            *(noise if noisy else ()),
            layers.Dense(
                outputs,
                activation,
                kernel_initializer=start or "glorot_uniform",
                kernel_regularizer="l2" if noisy else None,
            ),
        ]
    )
    model.compile(keras.optimizers.SGD(0.1), loss)
    return model


def zeros(loss, **arguments):
    """A model that knows nothing: equal outputs for all classes."""
    return network(loss, start="zeros", **arguments)


@pytest.mark.parametrize(
    ("model", "y", "classes"),
    [
        (lambda: zeros("sparse_categorical_crossentropy"), Y, 10),
        (lambda: zeros("sparse_categorical_crossentropy"), Y[:, None], 10),
        (lambda: zeros(SPARSE(from_logits=True), activation=None), Y, 10),
        (lambda: zeros("categorical_crossentropy"), one_hot(Y), 10),
        (lambda: zeros("categorical_crossentropy"), 0.7 * one_hot(Y) + 0.3 * one_hot(9 - Y), 10),
        (lambda: zeros(losses.CategoricalCrossentropy(label_smoothing=0.1)), one_hot(Y), 10),
        (lambda: zeros(losses.categorical_crossentropy), one_hot(Y), 10),
        (lambda: zeros(SPARSE(ignore_class=-1)), np.where(Y == 3, -1, Y), 10),
        (
            lambda: zeros("binary_crossentropy", outputs=1, activation="sigmoid"),
            Y[:, None] % 2,
            2,
        ),
        (
            lambda: zeros(losses.BinaryCrossentropy(from_logits=True), outputs=1, activation=None),
            Y[:, None] % 2,
            2,
        ),
        (
            lambda: zeros("binary_crossentropy", outputs=10, activation="sigmoid"),
            one_hot(Y) + one_hot(9 - Y),
            2,
        ),
    ],
    ids=[
        *("sparse", "sparse, column", "sparse logits", "one-hot", "mixup", "smoothed", "function"),
        *("ignored class", "binary", "binary logits", "many labels"),
    ],
)
def test_equal_outputs_have_the_expected_loss(model, y, classes):
    result = check_initial_loss(model(), (X, y))
    assert result.expected == math.log(classes)
    assert result.loss == pytest.approx(math.log(classes), rel=1e-5)
    assert result.passed, result
    assert f"log({classes}) = {math.log(classes):.2f}" in result.verdict
    assert str(result) == result.verdict


def by_hand(model, x, y):
    """The cross-entropy of a Dense softmax after normalising with the batch's statistics."""
    normalised = (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-3)
    kernel, bias = (keras.ops.convert_to_numpy(w) for w in model.layers[-1].weights)
    logits = (normalised @ kernel + bias).astype("float64")
    return np.mean(np.log(np.exp(logits).sum(1)) - logits[np.arange(len(y)), y])


def test_it_is_the_data_loss_in_training_mode():
    # Moving statistics would give another loss: these inputs are far from mean 0, variance 1.
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.BatchNormalization(),
            layers.Dense(10, "softmax", kernel_regularizer=keras.regularizers.L2(10.0)),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    x = 5 * X + 3
    batches = [(x[:100], Y[:100]), (x[100:150], Y[100:150])]
    expected = (100 * by_hand(model, *batches[0]) + 50 * by_hand(model, *batches[1])) / 150
    assert check_initial_loss(model, batches).loss == pytest.approx(expected, rel=1e-4)
    # Arrays go in pieces of up to 32 rows of equal size: 40 rows are twice 20.
    expected = (by_hand(model, x[:20], Y[:20]) + by_hand(model, x[20:40], Y[20:40])) / 2
    assert check_initial_loss(model, (x[:40], Y[:40])).loss == pytest.approx(expected, rel=1e-4)


def state(model):
    variables = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
    return [keras.ops.convert_to_numpy(variable).copy() for variable in variables]


def test_nothing_is_assigned():
    model = network("sparse_categorical_crossentropy", noisy=True)
    model.fit(X[:64], Y[:64], verbose=0)  # so that metrics and optimizer hold something
    before = state(model)
    paths = [variable.path for variable in model.variables]
    assert any("seed" in path for path in paths)
    assert any("moving" in path for path in paths)
    first = check_initial_loss(model, (X, Y))
    assert check_initial_loss(model, (X, Y)) == first  # the same draws again: seeds stand still
    for old, new in zip(before, state(model), strict=True):
        np.testing.assert_array_equal(old, new)


def test_training_goes_on_as_if_it_were_not_there(capsys):
    def weights(callbacks):
        keras.utils.set_random_seed(3)
        model = network("sparse_categorical_crossentropy", noisy=True)
        model.fit(X, Y, epochs=2, verbose=0, callbacks=callbacks)
        return model.get_weights()

    check = InitialLossCheck((X, Y))
    for bare, checked in zip(weights([]), weights([check]), strict=True):
        np.testing.assert_array_equal(bare, checked)
    assert capsys.readouterr().out.strip() == check.result.verdict


def test_an_unbuilt_model_is_built_first():
    model = keras.Sequential([layers.Dense(10, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    result = check_initial_loss(model, (X, Y))
    assert check_initial_loss(model, (X, Y)) == result


def test_forms_of_data():
    import tensorflow as tf

    model = network("sparse_categorical_crossentropy")
    expected = check_initial_loss(model, (X[:96], Y[:96])).loss
    dataset = tf.data.Dataset.from_tensor_slices((X, Y)).batch(48).repeat()
    weights = np.full(96, 0.01, "float32")
    for data in (
        dataset,
        (X[:96], Y[:96], weights),
        dataset.map(lambda x, y: (x, y, tf.zeros(len(y)))),
        [(X[:48], Y[:48]), (X[48:96], Y[48:96]), "never reached"],
        iter([(X[:96], Y[:96])]),
    ):
        result = check_initial_loss(model, data, examples=96)
        assert result.loss == pytest.approx(expected, rel=1e-5)


def test_the_tolerance_follows_from_the_batch():
    model = network("sparse_categorical_crossentropy")

    def tolerance(y):
        result = check_initial_loss(model, (X[: len(y)], y))
        return result.tolerance - (result.loss >= result.expected)

    balanced = Y[:200]
    assert tolerance(balanced) == pytest.approx(3 * math.sqrt(2 / 200))
    assert tolerance(balanced[:20]) == pytest.approx(3 * math.sqrt(2 / 20))
    lopsided = np.where(np.arange(200) < 150, 0, balanced)
    shares = np.bincount(lopsided, minlength=10) / 200
    expected = 3 * math.sqrt(2 * (np.sum(shares**2) - 0.1 + 1 / 200))
    assert tolerance(lopsided) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("start", "classes"),
    [("glorot_uniform", 2), ("glorot_uniform", 10), ("he_normal", 10), ("he_normal", 100)],
)
def test_sound_networks_pass(start, classes):
    for seed in range(3):
        keras.utils.set_random_seed(seed)
        model = keras.Sequential([keras.Input((6,))])
        for units in (64, 64):
            model.add(layers.Dense(units, kernel_initializer=start))
            model.add(layers.BatchNormalization())
            model.add(layers.ReLU())
        model.add(layers.Dense(classes, "softmax"))
        model.compile("sgd", "sparse_categorical_crossentropy")
        result = check_initial_loss(model, (X, RNG.integers(0, classes, 256)))
        assert result.passed, result


def he(units):
    return layers.Dense(units, "relu", kernel_initializer="he_normal")


@pytest.mark.parametrize(
    "last",
    [
        lambda: [layers.Dropout(0.5), he(64), layers.Dropout(0.5), layers.Dense(10, "softmax")],
        lambda: [he(64), layers.BatchNormalization(), layers.Dropout(0.6), layers.Dense(10)],
        lambda: [keras.Sequential([layers.Dropout(0.8)]), layers.Dense(10, "softmax")],
    ],
    ids=["twice", "normalised", "nested"],
)
def test_dropout_is_no_fault(last):
    x = np.random.default_rng(1).normal(size=(256, 32)).astype("float32")
    for seed in range(4):
        keras.utils.set_random_seed(seed)
        model = keras.Sequential([keras.Input((32,)), he(64), *last()])
        logits = model.layers[-1].activation is keras.activations.linear
        model.compile("sgd", SPARSE(from_logits=logits))
        result = check_initial_loss(model, (x, np.arange(256) % 10))
        assert result.passed, result
        calls = [vars(layer) for layer in model._flatten_layers() if "call" in vars(layer)]
        assert not calls


COUNTS = RNG.poisson(1.0, size=(256, 1)).astype("float32")
NOISE = RNG.normal(size=(256, 1)).astype("float32")
CHANCE = {  # the loss of outputs that know nothing, by hand: (1 - p)^2 of the cross-entropy
    "focal": 0.25 * 0.9**2 * math.log(10),
    "focal logits": 0.25 * 0.9**2 * math.log(10),
    "focal binary": 0.5**2 * math.log(2),
    "counts": np.mean(COUNTS.mean() - COUNTS * np.log(COUNTS.mean())),
    "squares": NOISE.var(),
}


@pytest.mark.parametrize(
    ("kind", "loss", "outputs", "activation", "y"),
    [
        ("focal", losses.CategoricalFocalCrossentropy(), 10, "softmax", one_hot(Y)),
        (
            *("focal logits", losses.CategoricalFocalCrossentropy(from_logits=True), 10, None),
            one_hot(Y),
        ),
        (
            *("focal binary", losses.BinaryFocalCrossentropy(from_logits=True), 1, None),
            Y[:, None] % 2,
        ),
        ("counts", "poisson", 1, "softplus", COUNTS),
        ("squares", "mse", 1, None, NOISE),
    ],
    ids=CHANCE,
)
def test_other_losses_do_not_blame_sound_networks(kind, loss, outputs, activation, y):
    for seed in range(4):
        keras.utils.set_random_seed(seed)
        model = keras.Sequential([keras.Input((6,)), he(64), layers.Dense(outputs, activation)])
        model.compile("sgd", loss)
        result = check_initial_loss(model, (X, y))
        assert result.passed, result
        assert result.expected == pytest.approx(CHANCE[kind], rel=1e-3)
    if outputs > 1:
        model.layers[-1].kernel.assign(30 * model.layers[-1].kernel)
        result = check_initial_loss(model, (X, y))
        assert not result.passed
        assert "equal outputs have" in result.verdict


def test_a_loss_below_that_of_equal_outputs_is_not_blamed():
    model = network(losses.BinaryFocalCrossentropy(), 1, "sigmoid")
    model.layers[-1].bias.assign([-3.0])  # knows that ones are rare
    result = check_initial_loss(model, (X, (np.arange(256) % 20 == 0)[:, None]))
    assert result.passed
    assert result.tolerance == math.inf
    assert "no higher than it should be" in result.verdict


@pytest.mark.parametrize(
    "loss", ["dice", losses.Dice(), losses.Tversky()], ids=["name", "Dice", "Tversky"]
)
def test_a_loss_that_is_no_mean_over_rows_is_not_judged(loss):
    result = check_initial_loss(network(loss, activation="sigmoid"), (X, one_hot(Y)))
    assert result.passed
    assert math.isnan(result.expected)
    assert "cannot be told: this one is no mean over the rows" in result.verdict


def test_several_outputs_are_not_judged():
    two = keras.Input((6,))
    two = keras.Model(two, [layers.Dense(2, "softmax")(two), layers.Dense(2, "softmax")(two)])
    two.compile("sgd", ["sparse_categorical_crossentropy"] * 2)
    for classes in (None, 2):
        result = check_initial_loss(two, (X, [Y % 2, Y % 2]), classes)
        assert result.passed
        assert result.loss == pytest.approx(two.evaluate(X, [Y % 2, Y % 2], verbose=0)[0], rel=1e-4)
        assert "cannot be told: the model has several outputs" in result.verdict


def test_pixels_are_rescaled_inside():
    pixels = RNG.integers(0, 256, size=(256, 6)).astype("float32")
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Rescaling(1 / 127.5, -1),
            layers.Dense(10, "softmax", kernel_initializer=loud(20)),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    result = check_initial_loss(model, (pixels, Y))
    assert not result.passed
    assert "the outputs are saturated" in result.verdict


def test_batches_of_different_shapes():
    text = [(RNG.integers(1, 30, (16, n)), RNG.integers(0, 5, (16, n))) for n in (5, 9)]
    model = keras.Sequential(
        [keras.Input((None,)), layers.Embedding(30, 16), layers.Dense(5, "softmax")]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    result = check_initial_loss(model, text)
    losses_by_hand = [
        -np.mean(np.log(np.take_along_axis(model.predict(x, verbose=0), y[..., None], -1)))
        for x, y in text
    ]
    assert result.passed
    assert result.loss == pytest.approx(np.mean(losses_by_hand), rel=1e-5)

    images = [
        (RNG.normal(size=(4, n, n, 3)).astype("float32"), RNG.normal(size=(4, n, n, 1)))
        for n in (6, 9)
    ]
    model = keras.Sequential([keras.Input((None, None, 3)), layers.Conv2D(1, 3, padding="same")])
    model.compile("sgd", "mse")
    result = check_initial_loss(model, images)
    mean = np.concatenate([y.ravel() for _, y in images]).mean()
    expected = np.mean([np.mean((y - mean) ** 2) for _, y in images])
    assert result.passed, result
    assert result.expected == pytest.approx(expected, rel=1e-3)


def test_lists_of_inputs_and_labels_are_no_data_sets():
    one, two = keras.Input((3,)), keras.Input((3,))
    model = keras.Model([one, two], layers.Dense(10, "softmax")(layers.Concatenate()([one, two])))
    model.compile("sgd", "sparse_categorical_crossentropy")
    inputs = [X[:, :3], X[:, 3:]]
    assert check_initial_loss(model, (inputs, [Y])) == check_initial_loss(model, (inputs, Y))


def loud(scale):
    return keras.initializers.RandomNormal(stddev=scale, seed=1)


@pytest.mark.parametrize(
    ("model", "x", "y", "words"),
    [
        (
            lambda: network("sparse_categorical_crossentropy"),
            X,
            Y + 1,
            "the labels run from 1 to 10 where 10 outputs take 0 to 9: they are off by one",
        ),
        (
            lambda: network("sparse_categorical_crossentropy"),
            X,
            Y - 1,
            "the labels run from -1 to 8 where",
        ),
        (
            lambda: network(SPARSE(from_logits=True)),
            X,
            Y,
            "the outputs sum to one and the loss takes logits: softmax is taken twice",
        ),
        (
            lambda: network("sparse_categorical_crossentropy", activation=None),
            X,
            Y,
            "a softmax is missing",
        ),
        (
            lambda: network("binary_crossentropy", outputs=1, activation=None),
            X,
            Y[:, None] % 2,
            "a sigmoid is missing",
        ),
        (
            lambda: network("categorical_crossentropy"),
            X,
            one_hot(Y) + one_hot(9 - Y),
            "a row of the labels sums to 2, not to one",
        ),
        (
            lambda: network("categorical_crossentropy"),
            X,
            Y,
            "labels of shape (32,) are no rows of 10 shares",
        ),
        (
            lambda: network("binary_crossentropy", outputs=1, activation="sigmoid"),
            X,
            2 * (Y[:, None] % 2) - 1,
            "the labels run from -1 to 1, where 0 to 1 is meant",
        ),
        (
            lambda: network("sparse_categorical_crossentropy"),
            100 * X + 127,
            Y,
            "so it is probably not normalised",
        ),
        (
            lambda: network("sparse_categorical_crossentropy", start=loud(20)),
            X,
            Y,
            "the outputs are saturated",
        ),
        (
            lambda: network(
                losses.BinaryCrossentropy(from_logits=True),
                outputs=1,
                activation=None,
                start=loud(20),
            ),
            X,
            Y[:, None] % 2,
            "the outputs are saturated",
        ),
        (
            lambda: network(SPARSE(from_logits=True), activation=None, start=loud(1)),
            X,
            Y,
            "the outputs start too large",
        ),
        (
            lambda: network(SPARSE(reduction="sum")),
            X,
            Y,
            "the loss is summed over the batch",
        ),
        (
            lambda: network("sparse_categorical_crossentropy"),
            np.where(X > 2, np.nan, X),
            Y,
            "the input holds values that are not finite",
        ),
        (
            lambda: network(losses.BinaryCrossentropy(from_logits=True), 1, "sigmoid"),
            X,
            Y[:, None] % 2,
            "the outputs lie in 0 to 1 and the loss takes logits: sigmoid is taken twice",
        ),
        (
            lambda: network("sparse_categorical_crossentropy"),
            X,
            one_hot(Y),
            "labels of shape (32, 10) are no class numbers (one-hot rows take the categorical",
        ),
        (
            lambda: network("sparse_categorical_crossentropy"),
            X,
            one_hot(Y)[:, :3],
            "labels of shape (32, 3) are not one for each of outputs of shape (32, 10)",
        ),
        (
            lambda: network("sparse_categorical_crossentropy"),
            X,
            np.where(Y == 3, np.nan, Y),
            "the labels hold values that are not finite",
        ),
        (
            lambda: network("sparse_categorical_crossentropy"),
            X,
            Y / 10,
            "the labels are no whole numbers",
        ),
        (
            lambda: network("binary_crossentropy", activation="sigmoid"),
            X,
            Y % 2,
            "labels of shape (32,) do not fit outputs of shape (32, 10)",
        ),
        (
            lambda: network("binary_crossentropy", 1, "sigmoid"),
            X,
            one_hot(Y),
            "labels of shape (32, 10) do not fit outputs of shape (32, 1)",
        ),
    ],
    ids=[
        *(
            "off by one",
            "below zero",
            "softmax twice",
            "no softmax",
            "no sigmoid",
            "two hot",
            "numbers",
        ),
        *("signs", "not normalised", "saturated", "saturated logits", "too large", "summed", "nan"),
        *("sigmoid twice", "one-hot numbers", "three numbers", "nan label", "fractions"),
        *("one for ten", "ten for one"),
    ],
)
def test_what_a_wrong_value_usually_means(model, x, y, words):
    result = check_initial_loss(model(), (x, y))
    assert not result.passed
    assert words in result.verdict


def test_a_trained_network_is_told_apart():
    model = network("sparse_categorical_crossentropy")
    model.set_weights([5 * np.eye(6, 10, dtype="float32"), np.zeros(10, "float32")])
    answers = np.argmax(keras.ops.convert_to_numpy(model(X)), 1)
    result = check_initial_loss(model, (X, answers))
    assert not result.passed
    assert "the network knows the labels already" in result.verdict


def test_outputs_and_classes_that_differ():
    model = network("sparse_categorical_crossentropy", outputs=11)
    result = check_initial_loss(model, (X, Y + 1), classes=10)
    assert not result.passed
    assert "there are 10 classes, and the outputs tell 11 apart" in result.verdict


def test_another_loss_with_classes_given():
    def theirs(y, p):
        return losses.sparse_categorical_crossentropy(y, p)

    model = zeros(theirs)
    assert check_initial_loss(model, (X, Y), classes=10).passed
    assert not check_initial_loss(model, (X, Y), classes=100_000).passed
    result = check_initial_loss(model, (X, Y))
    assert result.passed
    assert math.isnan(result.expected)
    assert "cannot be told: this loss is not known" in result.verdict


@pytest.mark.parametrize("loss", ["mse", "mae", "huber"])
def test_other_losses_are_compared_with_the_best_constant(loss):
    y = RNG.exponential(size=256).astype("float32")
    zero = zeros(loss, outputs=1, activation=None)
    result = check_initial_loss(zero, (X, y))
    by_hand = {"mse": lambda c: np.mean((y - c) ** 2), "mae": lambda c: np.mean(np.abs(y - c))}
    constants = np.linspace(0, 3, 3001)
    if loss in by_hand:
        assert result.expected == pytest.approx(min(map(by_hand[loss], constants)), rel=1e-3)
        assert result.loss == pytest.approx(by_hand[loss](0), rel=1e-5)
    assert result.passed, result
    assert "as it should be: a constant prediction has" in result.verdict
    shifted = check_initial_loss(zero, (X, 100 + y))
    assert not shifted.passed
    assert "subtract their mean" in shifted.verdict
    large = check_initial_loss(network(loss, outputs=1, activation=None), (1000 * X, y))
    assert not large.passed
    assert "not normalised" in large.verdict
    knowing = network(loss, outputs=6, activation=None, start="identity")
    known = check_initial_loss(knowing, (X, X))
    assert not known.passed
    assert "knows the labels already" in known.verdict


def test_of_training_and_validation_the_first_is_read():
    model = network("sparse_categorical_crossentropy")
    both = ((X, Y), (0 * X, 0 * Y))
    assert check_initial_loss(model, both) == check_initial_loss(model, (X, Y))


def test_what_is_refused():
    model = network("sparse_categorical_crossentropy")
    lossless = network(None)
    narrow = network("sparse_categorical_crossentropy", outputs=1, activation="sigmoid")
    bare = keras.Sequential([keras.Input((6,)), layers.Dense(10)])
    for case, data, arguments, words in [
        (bare, (X, Y), {}, "`model` must be compiled with its loss"),
        (lambda: model, (X, Y), {}, "`model` must be a compiled keras.Model, got 'function'"),
        (lossless, (X, Y), {}, "be compiled with its loss, .* inside of `train_step`"),
        (lossless, (X, Y), {"classes": 10}, "be compiled with its loss"),
        (model, (X, Y[:50]), {}, "have as many labels as inputs"),
        (model, [(X, Y[:50])], {}, "have as many labels as inputs"),
        (model, (X, np.array(["cat", "dog"])[Y % 2]), {}, "have numbers as labels"),
        (model, X, {}, "hold labels, as"),
        (model, (X[:0], Y[:0]), {}, "hold at least one batch"),
        (model, [], {}, "hold at least one batch"),
        (model, (X, Y), {"classes": 1}, "`classes` must be a whole number of at least 2, got 1"),
        (model, (X, Y), {"examples": 0}, "`examples` must be a whole number of at least 1"),
        (narrow, (X, 0 * Y), {}, "One output takes a binary cross-entropy"),
    ]:
        with pytest.raises(ValueError, match=f"^`check_initial_loss`: .*{words}"):
            check_initial_loss(case, data, **arguments)
    with pytest.raises(ValueError, match=r"^`InitialLossCheck`: `classes` must"):
        InitialLossCheck((X, Y), classes=1)
    with pytest.raises(ValueError, match=r"^`InitialLossCheck`: `examples` must"):
        InitialLossCheck((X, Y), examples=0)
