"""The search for a rate: what it finds, what it leaves, and what it says of bad input."""

import keras
import numpy as np
import pytest

from keras_trainkit import callbacks, optimizers, schedules, tuning
from keras_trainkit.callbacks._batches import Batch
from keras_trainkit.callbacks._rate_runs import RateRuns
from keras_trainkit.callbacks.find_learning_rate import _expected, _lowest
from keras_trainkit.callbacks.learning_rate_reading import LearningRateReading, Rung, _heights

RNG = np.random.default_rng(1)
X = RNG.normal(size=(160, 6)).astype("float32")
Y = (X @ RNG.normal(size=6) + RNG.normal(size=160)).astype("float32")
FAST = {"iterations": 10, "rates": [0.1, 0.01]}


def line(optimizer="sgd"):
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1)])
    model.compile(optimizer, "mse", jit_compile=keras.backend.backend() == "jax")
    return model


def busy(optimizer):
    """A model with moving statistics, seeds, metrics, and an optimizer that has taken steps."""
    seeded, unseeded = keras.layers.Dropout(0.2, seed=3), keras.layers.Dropout(0.1)
    layers = [keras.layers.BatchNormalization(), seeded, unseeded]
    model = keras.Sequential([keras.Input((6,)), *layers, keras.layers.Dense(1)])
    jit = keras.backend.backend() == "jax"  # there, memory is given away in compiled steps only
    model.compile(optimizer, "mse", metrics=["mae"], jit_compile=jit)
    model.fit(X[:64], Y[:64], verbose=0)
    return model


def state(model):
    variables = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


OPTIMIZERS = {
    "Keras' schedule": lambda: keras.optimizers.Adam(
        keras.optimizers.schedules.ExponentialDecay(0.01, 2, 0.9)
    ),
    "the kit's": lambda: optimizers.SGD(schedules.CosineDecay(0.1, 50), momentum=0.9),
    "Lookahead": lambda: optimizers.Lookahead(optimizers.Adam(0.01)),
    "scaled": lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.01)),
}


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_a_model_is_afterwards_as_before(make):
    model = busy(make())
    before, optimizer, function = state(model), model.optimizer, model.train_function
    found = tuning.find_learning_rate(model, (X, Y), **FAST)
    assert np.isfinite([rung.end for rung in found.ladder]).any()
    assert model.optimizer is optimizer
    assert model.train_function is function
    after = state(model)
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old, new)


def test_training_goes_on_as_if_it_had_not_been():
    def weights(search):
        keras.utils.set_random_seed(4)
        model = busy(keras.optimizers.Adam(schedules.CosineDecay(0.1, 20)))
        if search:
            tuning.find_learning_rate(model, (X, Y), **FAST)
        model.fit(X, Y, verbose=0, shuffle=False)
        return state(model)

    for bare, searched in zip(weights(False), weights(True), strict=True):
        np.testing.assert_allclose(bare, searched, rtol=1e-6)


def test_several_inputs_and_outputs_and_steps_an_execution():
    inputs = {name: keras.Input((3,), name=name) for name in "ab"}
    joined = keras.layers.Concatenate()(list(inputs.values()))
    outputs = {name: keras.layers.Dense(1, name=name)(joined) for name in "pq"}
    model = keras.Model(inputs, outputs)
    model.compile("adam", {"p": "mse", "q": "mae"}, steps_per_execution=3, jit_compile=False)
    data = {"a": X[:, :3], "b": X[:, 3:]}, {"p": Y, "q": -Y}, np.ones(len(Y), "float32")
    found = tuning.find_learning_rate(model, data, **FAST)
    assert all(len(rung.losses) == 10 for rung in found.ladder[1:])
    assert model.steps_per_execution == 3


def test_an_optimizer_without_a_rate_is_refused():
    class Restless(keras.optimizers.SGD):
        def get_config(self):
            return {"name": self.name}

    with pytest.raises(ValueError, match="`model` must have an optimizer with a learning rate"):
        tuning.find_learning_rate(line(Restless()), (X, Y), **FAST)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupt_leaves_it_as_before(error):
    model = busy(keras.optimizers.Adam(schedules.CosineDecay(0.1, 20)))
    before, optimizer, function = state(model), model.optimizer, model.train_function

    class Interrupting:
        rounds = 0

        def __iter__(self):
            self.rounds += 1
            for batch in range(5):
                if self.rounds == 6 and batch == 3:
                    raise error("now")
                yield X[:32], Y[:32]

    with pytest.raises(error, match="now"):
        tuning.find_learning_rate(model, Interrupting(), **FAST)
    assert (model.optimizer, model.train_function) == (optimizer, function)
    for old, new in zip(before, state(model), strict=True):
        np.testing.assert_array_equal(old, new)


class Unready(keras.optimizers.SGD):
    """Ctrl-C while its state is made."""

    interrupts = False

    def build(self, variables):
        if Unready.interrupts:
            raise KeyboardInterrupt
        super().build(variables)


def test_an_interrupt_at_the_beginning_leaves_it_as_before(monkeypatch):
    model = busy(Unready(0.01, momentum=0.9))
    before, optimizer, function = state(model), model.optimizer, model.train_function
    monkeypatch.setattr(Unready, "interrupts", True)
    with pytest.raises(KeyboardInterrupt):
        tuning.find_learning_rate(model, (X, Y), **FAST)
    assert (model.optimizer, model.train_function) == (optimizer, function)
    for old, new in zip(before, state(model), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_second_interrupt_leaves_the_optimizer(monkeypatch):
    model = line()
    optimizer = model.optimizer
    with pytest.raises(ZeroDivisionError), RateRuns("test", model, Batch(X, Y)):
        monkeypatch.setattr(model, "reset_metrics", lambda: 1 / 0)
    assert model.optimizer is optimizer


def by_hand(rate, batches, kernel, bias):
    """Losses and weights of plain gradient descent on a line."""
    losses = []
    for x, y in batches:
        error = x @ kernel + bias - y
        losses.append(np.mean(error**2))
        kernel = kernel - rate * 2 * x.T @ error / len(x)
        bias = bias - rate * 2 * error.mean()
    return losses, np.mean((X[128:] @ kernel + bias - Y[128:]) ** 2)


def test_the_losses_are_those_of_each_batch_from_the_same_start():
    model = line()
    kernel, bias = (keras.ops.convert_to_numpy(w).astype("float64") for w in model.weights)
    train = [(X[i : i + 32], Y[i : i + 32]) for i in range(0, 128, 32)]
    found = tuning.find_learning_rate(model, (train, [(X[128:], Y[128:])]), steps=20, **FAST)
    assert [rung.rate for rung in found.ladder][-1] == 0.01
    for rungs, taken in ((found.ladder, 10), (found.refined, 20)):
        for rung in rungs[1:]:
            batches = [train[i % 4] for i in range(taken)]
            losses, end = by_hand(rung.rate, batches, kernel[:, 0], bias[0])
            np.testing.assert_allclose(rung.losses, losses, rtol=1e-3)
            assert rung.end == pytest.approx(end, rel=1e-3)
            _, middle = by_hand(rung.rate, batches[: taken // 2], kernel[:, 0], bias[0])
            assert rung.middle == pytest.approx(middle, rel=1e-3)
    np.testing.assert_allclose(found.rates, np.geomspace(1e-7, 10, 10)[: len(found.rates)])
    assert len(found.rates) == len(found.losses)


def test_the_suggestion_lies_where_the_loss_is_low():
    found = tuning.find_learning_rate(line, (X, Y), steps=40, iterations=20)
    assert 0.01 < found.learning_rate < 0.3  # 2 / the largest curvature is about 0.7
    assert f"Take {found.learning_rate:.2g}." in found.verdict
    assert "explodes" in found.verdict
    again = tuning.find_learning_rate(line, (X, Y), steps=40, iterations=20)
    assert again == found


def test_a_long_training_counts_on_what_is_still_to_come():
    assert _expected(2.0, 1.0, 100, 100) == 1.0
    assert _expected(2.0, 1.0, 100, 400) == pytest.approx(0.5)  # two doublings, half as fast
    assert _expected(1.0, 2.0, 100, 400) == 2.0  # no loss is to be gained where it rises
    assert _expected(-1.0, -2.0, 100, 400) == -3.0
    assert _expected(float("inf"), 2.0, 100, 400) == 2.0


def test_the_lowest_point_is_that_of_a_parabola():
    def valley(lowest):
        places = np.array([-0.5, -0.25, 0.0, 0.25, 0.5])
        ends = np.exp((places - lowest) ** 2)
        return [
            Rung(0.01 * 10**place, np.zeros(1), end, end, end)
            for place, end in zip(places, ends, strict=True)
        ]

    for lowest in (-0.2, 0.0, 0.1):
        assert _lowest(valley(lowest)) == pytest.approx(0.01 * 10**lowest, rel=1e-6)
    cliff = [rung for rung in valley(0.1) if rung.rate < 0.02]
    blown = Rung(0.0316, np.zeros(1), np.inf, np.inf, np.inf)
    assert _lowest([*cliff, blown]) == pytest.approx(0.01 * 10**0.1, rel=1e-6)
    assert _lowest([cliff[0], blown]) == cliff[0].rate


def test_no_rate_learns():
    still = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1, trainable=False)])
    still.add(keras.layers.Dense(1, kernel_initializer="zeros", use_bias=False))
    still.layers[0].set_weights([np.zeros((6, 1)), np.zeros(1)])
    still.compile("sgd", "mse", jit_compile=False)
    found = tuning.find_learning_rate(still, (X, Y), **FAST)
    assert found.learning_rate is None
    assert "No rate from" in found.verdict
    found.plot()


def test_a_batch_that_is_not_finite_is_named():
    train = [(X[i : i + 32], Y[i : i + 32]) for i in range(0, 128, 32)] * 5
    train[15] = X[:32], np.where(np.arange(32) == 3, np.nan, Y[:32])  # after the ladder's steps
    words = "`data` must have a finite loss on every batch, got nan. Look for NaN in batch 16."
    with pytest.raises(ValueError, match=f"^`find_learning_rate`: {words}"):
        tuning.find_learning_rate(line(), (train, [(X, Y)]), **FAST)


def test_a_gradient_that_is_not_finite_has_its_own_words():
    def distance(true, predicted):
        return keras.ops.sqrt(keras.ops.square(true - predicted))

    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1, use_bias=False)])
    model.compile("sgd", distance, jit_compile=False)
    train = [(X[:32], Y[:32, None])] * 20
    train[15] = 0 * X[:32], 0 * Y[:32, None]  # where the root has no slope
    found = tuning.find_learning_rate(model, (train, [(X, Y[:, None])]), **FAST)
    assert found.learning_rate is None
    assert "keeps the loss finite for 20 steps. Look for a gradient" in found.verdict
    found.plot()


def test_rates_that_all_blow_up_are_lowered():
    found = tuning.find_learning_rate(line(), (X * 1e3, Y), iterations=10, rates=[100.0, 10.0])
    assert found.ladder[0].rate == 100
    assert 1e-7 < found.learning_rate < 1e-5  # 2 / the largest curvature is about 7e-7


def test_a_loss_of_nothing_at_the_start_has_its_own_words():
    found = tuning.find_learning_rate(line(), (X, Y, 0 * Y), **FAST)
    assert found.learning_rate is None
    assert found.verdict.startswith("The loss is 0 before any step.")


def test_the_range_test_goes_on_where_a_loss_crosses_zero():
    def told(true, predicted):  # the labels themselves: the inputs are 0
        return true + predicted

    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1, use_bias=False)])
    model.compile("sgd", told, jit_compile=False)
    labels = [0.3, -0.25, 0.3, 0.3, -0.5, -0.5, 2.0, 2.0, 8.0, 8.0]
    train = [(0 * X[:1], np.array([[label]], "float32")) for label in labels]
    found = tuning.find_learning_rate(model, (train, [train[0]]), **FAST)
    np.testing.assert_allclose(found.losses, labels[:9], rtol=1e-6)


def test_the_picture_of_a_negative_loss_holds_its_start_and_its_ends():
    rung = Rung(0.1, np.array([-5.0, -6.0]), -6.0, -8.0, -8.0)
    tested = np.array([0.1, 0.2]), rung.losses
    low, high = _heights(LearningRateReading(0.1, -3.0, (rung,), (rung,), *tested, 2, "Take 0.1."))
    assert low < -8.0
    assert high > -3.0


def test_small_datasets_repeat():
    import tensorflow as tf

    dataset = tf.data.Dataset.from_tensor_slices((X[:80], Y[:80])).batch(32)
    found = tuning.find_learning_rate(line(), dataset, **FAST)
    assert all(len(rung.losses) == 10 for rung in found.ladder[1:])


class Shared:
    """Its first round uses up what all of them read."""

    def __init__(self, batches):
        self.left = iter(batches)

    def __iter__(self):
        return self.left


@pytest.mark.parametrize("kind", [iter, Shared])
def test_what_can_be_read_only_once_is_refused(kind):
    train = kind([(X[i : i + 32], Y[i : i + 32]) for i in range(0, 160, 32)])
    with pytest.raises(
        ValueError, match=r"`data` must be iterable more than once, got '\w+'. Give"
    ):
        tuning.find_learning_rate(line(), (train, [(X, Y)]), **FAST)


def test_the_states_of_a_recurrent_layer_are_afterwards_as_before():
    recurrent = keras.layers.SimpleRNN(3, stateful=True, activation="relu")
    inner = keras.Sequential([keras.Input(batch_shape=(32, 6, 1)), recurrent])
    model = keras.Sequential([keras.Input(batch_shape=(32, 6, 1)), inner, keras.layers.Dense(1)])
    model.compile("sgd", "mse", jit_compile=False)
    model.train_on_batch(X[:32, :, None], Y[:32])
    before = keras.ops.convert_to_numpy(recurrent.states[0]).copy()
    train = [(X[i : i + 32, :, None], Y[i : i + 32]) for i in range(0, 128, 32)]
    found = tuning.find_learning_rate(model, (train, [(X[128:, :, None], Y[128:])]), **FAST)
    np.testing.assert_array_equal(before, recurrent.states[0])
    firsts = [rung.losses[0] for rung in found.ladder]
    np.testing.assert_allclose(firsts, firsts[0], rtol=1e-5)


class Own(keras.Sequential):
    """Trains with an optimizer of its own."""

    def __init__(self):
        super().__init__([keras.Input((6,)), keras.layers.Dense(1)])
        self.own = {"first": [keras.optimizers.SGD(0.01, momentum=0.9)]}
        self.own["first"][0].build(self.trainable_variables)

    def train_step(self, data):
        gradients = [weight * 0 + 1 for weight in self.trainable_variables]
        self.own["first"][0].apply(gradients, self.trainable_variables)
        return {"loss": self.compute_loss(data[0], data[1], self(data[0]))}


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="its train_step is another one")
def test_optimizers_of_its_own_are_refused_and_afterwards_as_before():
    model = Own()
    model.compile(loss="mse", jit_compile=False)
    model.train_on_batch(X, Y)
    variables = model.own["first"][0].variables
    before = [keras.ops.convert_to_numpy(variable).copy() for variable in variables]
    with pytest.raises(ValueError, match=r"`model` must train with `model\.optimizer`, got"):
        tuning.find_learning_rate(model, (X, Y), **FAST)
    for old, variable in zip(before, variables, strict=True):
        np.testing.assert_array_equal(old, keras.ops.convert_to_numpy(variable))


class Noisy(keras.Model):
    """Draws whenever it is called; it is built by its first call."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1)
        self.generator = keras.random.SeedGenerator(5)

    def call(self, x):
        return self.dense(x) + keras.random.normal((32, 1), seed=self.generator)


def test_a_model_that_is_not_built_draws_nothing_before_its_training():
    model = Noisy()
    model.compile("sgd", "mse", jit_compile=False)
    before = keras.ops.convert_to_numpy(model.generator.state).copy()
    tuning.find_learning_rate(model, (X, Y), **FAST)  # of which 32 rows are held out
    np.testing.assert_array_equal(before, keras.ops.convert_to_numpy(model.generator.state))


@pytest.mark.parametrize("wrap", [lambda o: o, optimizers.Lookahead], ids=["plain", "wrapped"])
def test_the_copy_excludes_from_decay_what_the_optimizer_does(wrap):
    def found(*exclude):
        inner = keras.optimizers.SGD(0.01, weight_decay=5.0)
        inner.exclude_from_weight_decay(var_names=exclude)
        keras.utils.set_random_seed(0)
        return tuning.find_learning_rate(line(wrap(inner)), (X, Y), **FAST).learning_rate

    assert found("kernel") > 2 * found()  # so much decay of the kernel is no good


def test_an_optimizer_that_its_config_does_not_make_again_is_refused():
    class Greedy(keras.optimizers.SGD):
        def __init__(self, more, **arguments):
            super().__init__(**arguments)

    with pytest.raises(ValueError, match="`model` must have an optimizer that its config makes"):
        tuning.find_learning_rate(line(Greedy(3)), (X, Y), **FAST)


def test_the_picture(tmp_path):
    found = tuning.find_learning_rate(line(), (X, Y), **FAST)
    figure = found.plot(tmp_path / "rates.png")
    assert (tmp_path / "rates.png").stat().st_size > 10_000
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["Batch losses at each rate", "Loss by rate"]


@pytest.mark.parametrize(
    ("build", "data", "arguments", "words"),
    [
        (lambda: 1 / 0, (X, Y), {}, "`build_or_model` raised ZeroDivisionError"),
        (lambda: 3, (X, Y), {}, "must return a compiled keras.Model, got 'int'"),
        (lambda: keras.Sequential(), (X, Y), {}, "must return a compiled model"),
        (keras.Sequential, (X, Y), {}, "must return a compiled model"),
        ("model", (X, Y), {}, "must be a keras.Model or a function"),
        (line, (np.nan * X, Y), {}, "`data` must have a finite loss before any step, got nan"),
        (line, (X[:0], Y[:0]), {}, "`data` must hold at least one batch"),
        (line, X, {}, "`data` must hold labels"),
        (line, (X, Y[:50]), {}, "`data` must have as many labels as inputs"),
        (line, (X, Y.astype("str")), {}, "`data` must have numbers as labels"),
        (line, 7, {}, "`data` must be"),
        (line, (X, Y), {"iterations": 9}, "`iterations` must be a whole number of at least 10"),
        (line, (X, Y), {"steps": 0}, "`steps` must be a whole number of at least 1"),
        (line, (X, Y), {"rates": [0.1, 0.0]}, "`rates` must be positive"),
        (line, (X, Y), {"rates": []}, "`rates` must be positive"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_refused(build, data, arguments, words):
    with pytest.raises(ValueError, match=f"^`find_learning_rate`: .*{words}"):
        tuning.find_learning_rate(build, data, **{**FAST, **arguments})


def test_the_callback_sets_the_rate_and_trains_from_the_start(capsys):
    keras.utils.set_random_seed(5)
    model = line(keras.optimizers.SGD(1e-6))
    start = model.get_weights()
    finder = callbacks.LearningRateFinder((X, Y), **FAST)
    model.fit(X, Y, batch_size=160, verbose=0, callbacks=[finder])
    rate = finder.result.learning_rate
    assert finder.result.steps == 1
    assert float(model.optimizer.learning_rate) == pytest.approx(rate)
    error = (X @ start[0])[:, 0] + start[1] - Y
    expected = start[0][:, 0] - rate * 2 * X.T @ error / len(X)
    np.testing.assert_allclose(model.get_weights()[0][:, 0], expected, rtol=1e-3, atol=1e-5)
    assert capsys.readouterr().out.strip() == finder.result.verdict


def test_the_callback_counts_the_epochs_that_are_left():
    finder = callbacks.LearningRateFinder((X, Y), verbose=0, **FAST)
    model = line()
    model.fit(X, Y, batch_size=32, epochs=0, verbose=0, callbacks=[finder])
    assert finder.result is None
    model.fit(X, Y, batch_size=32, epochs=9, initial_epoch=7, verbose=0, callbacks=[finder])
    assert finder.result.steps == 10
    model.fit(X, Y, batch_size=32, epochs=1, verbose=0, callbacks=[finder])
    assert finder.result.steps == 5


def test_the_callback_leaves_a_schedule(capsys):
    model = line(keras.optimizers.SGD(schedules.CosineDecay(0.1, 20)))
    model.fit(X, Y, verbose=0, callbacks=[callbacks.LearningRateFinder((X, Y), **FAST)])
    assert "follows a schedule, which stays" in capsys.readouterr().out
    assert int(model.optimizer.iterations) == 5
