"""What LBFGS and BFGS share: the line search as a state, `fit`, noise, saving, refusals."""

import re
import warnings

import keras
import numpy as np
import pytest
from keras import ops
from losses import rosenbrock, rosenbrock_start
from minimize import QUICK
from optimizer_runs import REGIMES, stepper, variables_of
from oracles import quasi_newton as oracles

from keras_trainkit.optimizers import BFGS, LBFGS
from keras_trainkit.schedules import StepDecay

CLASSES = [LBFGS, BFGS]
each_class = pytest.mark.parametrize("cls", CLASSES)


def gradient(x):
    """A bowl with a ripple: negative curvature here and there."""
    scale = np.logspace(0, 2, len(x))
    return scale * x + 4 * np.sin(3 * x)


def numbers(optimizer):
    return [ops.convert_to_numpy(ops.cast(v, "float64")).copy() for v in optimizer.variables]


def points(optimizer, gradient, start, evaluations, regime=QUICK):
    """The points at which the gradient is evaluated."""
    (weight,) = variables = variables_of(start)
    step, seen = stepper(optimizer, variables, regime), []
    for _ in range(evaluations):
        seen.append(ops.convert_to_numpy(weight).astype("float64"))
        step([gradient(seen[-1])])
    return np.array(seen)


@pytest.mark.parametrize("regime", REGIMES)
@each_class
def test_the_papers_points_in_all_regimes(cls, regime):
    start = np.array([1.0, -2.0, 0.5, 3.0, -0.3, 2.0])
    for slope in (gradient, lambda x: rosenbrock(x)[1]):
        mine = points(cls(), slope, start, 50, regime)
        theirs = oracles.evaluated_points(
            slope,
            start,
            50,
            oracles.lbfgs_inverse_times if cls is LBFGS else oracles.bfgs_inverse_times,
            history=10 if cls is LBFGS else None,
        )
        np.testing.assert_allclose(mine, theirs, rtol=1e-6, atol=1e-7)
        if regime == "eager":
            break  # slow, and told by one of them


@each_class
def test_single_precision_follows(cls):
    start, bowl = np.array([1.0, -2.0, 0.5, 3.0]), lambda x: np.array([1.0, 2.0, 3.0, 4.0]) * x
    double = points(cls(), bowl, start, 8)
    single = points(cls(), bowl, start.astype("float32"), 8)
    np.testing.assert_allclose(single, double, rtol=1e-5, atol=1e-5)


def test_a_short_history_forgets():
    start = rosenbrock_start(6)
    mine = points(LBFGS(history=2), lambda x: rosenbrock(x)[1], start, 50)
    theirs = oracles.evaluated_points(
        lambda x: rosenbrock(x)[1], start, 50, oracles.lbfgs_inverse_times, history=2
    )
    np.testing.assert_allclose(mine, theirs, rtol=1e-6, atol=1e-7)


@each_class
def test_the_learning_rate_is_the_first_trial(cls):
    flat = lambda x: 1e-4 * x  # noqa: E731
    for rate, first in ((1.0, 1 - 1e-4), (0.25, 1 - 0.25e-4), (StepDecay(0.5, [9]), 1 - 0.5e-4)):
        seen = points(cls(rate), flat, np.array([1.0]), 2)
        assert seen[1, 0] == pytest.approx(first, rel=1e-9)
    steep = lambda x: 1e4 * x  # noqa: E731
    assert points(cls(), steep, np.array([3.0]), 2)[1, 0] == pytest.approx(2.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@each_class
def test_a_bad_gradient_makes_the_trial_shorter(cls, bad):
    def walled(x):  # the logarithm's wall at 1.5, minimum at 1.4999
        return np.where(x < 1.5, 1e-4 / (1.5 - x) - 1.0, bad)

    optimizer = cls(learning_rate=10.0)
    seen = points(optimizer, walled, np.array([0.0]), 40)
    assert np.any(seen > 1.5)
    assert seen[-1] == pytest.approx(1.4999, abs=1e-6)
    assert int(optimizer.skipped_steps) == np.sum(seen > 1.5)
    assert all(np.all(~np.isnan(x)) for x in numbers(optimizer))


@pytest.mark.parametrize("regime", REGIMES)
@each_class
def test_a_bad_first_gradient_is_skipped(cls, regime):
    optimizer, variables = cls(), variables_of(np.array([1.0, 2.0]))
    step = stepper(optimizer, variables, regime)
    step([np.array([1.0, np.nan])])
    np.testing.assert_array_equal(ops.convert_to_numpy(variables[0]), [1.0, 2.0])
    assert int(optimizer.skipped_steps) == 1
    step([np.array([0.5, 0.0])])
    np.testing.assert_allclose(ops.convert_to_numpy(variables[0]), [0.5, 2.0])


@pytest.mark.parametrize("regime", REGIMES)
@each_class
def test_a_batch_in_pieces(cls, regime):
    start = np.array([1.0, -2.0, 0.5])
    (weight,) = variables = variables_of(start)
    step = stepper(cls(gradient_accumulation_steps=2), variables, regime)
    seen = []
    for i in range(20):
        x = ops.convert_to_numpy(weight)
        seen.append(x)
        step([gradient(x) + (-1) ** i * x**2])
    np.testing.assert_array_equal(seen[::2], seen[1::2])
    np.testing.assert_allclose(seen[::2], points(cls(), gradient, start, 10), rtol=1e-9)


@each_class
def test_finalize_puts_the_accepted_point_back_and_the_search_goes_on(cls):
    start = rosenbrock_start(4)
    slope = lambda x: rosenbrock(x)[1]  # noqa: E731
    unbroken = points(cls(), slope, start, 31)
    optimizer, (weight,) = cls(), variables_of(start)
    variables = [weight]
    step, seen = stepper(optimizer, variables, QUICK), []
    for i in range(60):
        if i % 7 == 0:
            optimizer.finalize_variable_values(variables)
            near = [np.max(np.abs(ops.convert_to_numpy(weight) - x)) for x in seen]
            # XLA makes the point and the weights apart.
            assert i == 0 or min(near) <= (1e-15 if keras.backend.backend() == "jax" else 0)
        x = ops.convert_to_numpy(weight)
        if i % 7 or i == 0:  # the first of a later fit is at a point that was seen before
            seen.append(x)
        step([slope(x)])
    np.testing.assert_allclose(seen[:31], unbroken, rtol=1e-9)


@each_class
def test_weights_set_from_outside_are_a_new_start(cls):
    optimizer, (weight,) = cls(), variables_of(np.array([1.0, 2.0]))
    step = stepper(optimizer, [weight])
    for _ in range(5):
        step([gradient(ops.convert_to_numpy(weight))])
    optimizer.finalize_variable_values([weight])
    weight.assign([30.0, -20.0])
    for _ in range(40):
        step([np.array([1.0, 100.0]) * (ops.convert_to_numpy(weight) - 7)])
    optimizer.finalize_variable_values([weight])
    np.testing.assert_allclose(ops.convert_to_numpy(weight), [7.0, 7.0], rtol=1e-6)


@each_class
def test_save_and_go_on_in_the_middle_of_a_search(cls):
    start, slope = rosenbrock_start(4), lambda x: rosenbrock(x)[1]
    for when in (3, 8, 20):
        optimizer, (weight,) = cls(), variables_of(start)
        step = stepper(optimizer, [weight])
        for _ in range(when):
            step([slope(ops.convert_to_numpy(weight))])
        store, handed_on = {}, {}
        optimizer.save_own_variables(store)
        early = cls()
        early.load_own_variables(store)  # before it is built
        early.save_own_variables(handed_on)
        other, (copy,) = cls(), variables_of(ops.convert_to_numpy(weight))
        other.load_own_variables(handed_on)
        go_on = stepper(other, [copy])
        for _ in range(5):
            step([slope(ops.convert_to_numpy(weight))])
            go_on([slope(ops.convert_to_numpy(copy))])
        np.testing.assert_array_equal(ops.convert_to_numpy(copy), ops.convert_to_numpy(weight))
        for mine, theirs in zip(numbers(other), numbers(optimizer), strict=True):
            np.testing.assert_array_equal(mine, theirs)


def data(rows=64):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((rows, 8)).astype("float32")
    return x, np.argmax(x[:, :3] + 0.5 * x[:, 3:6] ** 2, axis=-1)


def network(optimizer, policy="float32", **arguments):
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.layers.Input((8,)),
            keras.layers.Dense(6, "tanh", dtype=policy),
            keras.layers.Dense(3, dtype=policy),
            keras.layers.Activation("linear", dtype="float32"),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, **arguments)
    return model


def fit(model, x, y, steps):
    """As many steps, each on all the data, and the loss that they lead to."""
    repeated = np.tile(x, (steps, 1)), np.tile(y, steps)
    model.fit(*repeated, batch_size=len(x), shuffle=False, verbose=0)
    return model.evaluate(x, y, batch_size=len(x), verbose=0)


@each_class
def test_fit(cls):
    x, y = data()
    model = network(cls(), jit_compile=keras.backend.backend() != "torch")
    before = model.evaluate(x, y, batch_size=len(x), verbose=0)
    reached = fit(model, x, y, 30)
    assert reached < 0.2 * before
    assert fit(model, x, y, 1) == reached  # a single step is one evaluation at the point
    assert fit(model, x, y, 9) < reached


@each_class
def test_keras_file(cls, tmp_path):
    x, y = data()
    eagerly = {"run_eagerly": keras.backend.backend() == "tensorflow"}  # quick there
    models = [network(cls(), **eagerly)]
    fit(models[0], x, y, 8)
    models[0].save(tmp_path / "model.keras")
    models.append(keras.models.load_model(tmp_path / "model.keras"))
    models[0].save_weights(tmp_path / "model.weights.h5")
    models.append(network(cls(), **eagerly))
    models[2].load_weights(tmp_path / "model.weights.h5")  # its optimizer is not built
    losses = [fit(model, x, y, 5) for model in models]
    assert losses == losses[:1] * 3
    for model in models[1:]:
        for mine, one in zip(numbers(model.optimizer), numbers(models[0].optimizer), strict=True):
            np.testing.assert_array_equal(mine, one)


@pytest.mark.parametrize("policy", ["float64", "bfloat16", "mixed_bfloat16", "mixed_float16"])
def test_policies_train(policy):
    x, y = data()
    model = network(LBFGS(), policy, run_eagerly=keras.backend.backend() == "tensorflow")
    before = model.evaluate(x, y, batch_size=len(x), verbose=0)
    assert fit(model, x, y, 40) < (0.1 if policy == "float64" else 0.5) * before


@each_class
def test_minibatches_are_warned_of_once(cls):
    x, y = data(512)
    model = network(cls(), jit_compile=keras.backend.backend() == "jax")
    sentence = f"`{cls.__name__}`: .* does not transfer well to the mini-batch setting"
    with pytest.warns(UserWarning, match=sentence):
        model.fit(x, y, batch_size=32, epochs=20, verbose=0)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=sentence)
        model.fit(x, y, batch_size=32, verbose=0)


@pytest.mark.parametrize("dimensions", [2, 10])
@each_class
def test_the_full_batch_is_not_warned_of(cls, dimensions):
    optimizer, (weight,) = cls(), variables_of(rosenbrock_start(dimensions).astype("float32"))
    step = stepper(optimizer, [weight], QUICK)
    for _ in range(250):  # far beyond what float32 can reach
        step([rosenbrock(ops.convert_to_numpy(weight).astype("float64"))[1]])
    optimizer.finalize_variable_values([weight])  # a warning would be an error
    np.testing.assert_allclose(ops.convert_to_numpy(weight), 1.0, atol=1e-3)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"learning_rate": 0.0}, "`learning_rate` must be a finite number above 0, got 0.0"),
        ({"weight_decay": 0.1}, "`weight_decay` must be left out of a line search, got 0.1. Give"),
        ({"clipnorm": 1.0}, "`clipnorm` must be left out of a line search"),
        ({"clipvalue": 1.0}, "`clipvalue` must be left out of a line search"),
        ({"global_clipnorm": 1.0}, "`global_clipnorm` must be left out of a line search"),
        ({"use_ema": True}, "`use_ema` must be left out of a line search"),
        ({"gradient_accumulation_steps": 1}, "`gradient_accumulation_steps` must be a whole"),
        ({"loss_scale_factor": 0.0}, "`loss_scale_factor` must be"),
    ],
)
@each_class
def test_refuses(cls, arguments, sentence):
    with pytest.raises(ValueError, match=f"^`{cls.__name__}`: {re.escape(sentence)}"):
        cls(**arguments)


def test_refuses_a_history_of_none():
    with pytest.raises(ValueError, match="`LBFGS`: `history` must be a whole number of at least 1"):
        LBFGS(history=0)


def test_refuses_variables_that_do_not_go_along():
    bound, overwritten = keras.Variable([1.0]), keras.Variable([1.0])
    bound.constraint = keras.constraints.NonNeg()
    overwritten.overwrite_with_gradient = True
    with pytest.raises(ValueError, match="has a constraint, which would move it off the line"):
        LBFGS().build([bound])
    with pytest.raises(ValueError, match="is overwritten with its gradient"):
        LBFGS().build([overwritten])


@each_class
def test_refuses_a_part_of_the_weights(cls):
    optimizer, variables = cls(), variables_of(np.float32([1.0]), np.float32([2.0]))
    optimizer.build(variables)
    g = ops.ones((1,))
    for grads, some in (([g], variables[:1]), ([g], variables_of([1.0])), ([None, None], None)):
        with pytest.raises(ValueError, match="needs the gradients of all the weights"):
            optimizer.apply(grads, some)
    optimizer.apply([g, None], variables)  # one that the loss does not depend on stays
    assert ops.convert_to_numpy(variables[1]).tolist() == [2.0]


def test_loss_scaling():
    plain = points(LBFGS(), gradient, np.array([1.0, 2.0]), 9)
    scaled = points(LBFGS(loss_scale_factor=8.0), lambda x: 8 * gradient(x), plain[0], 9)
    np.testing.assert_allclose(scaled, plain, rtol=1e-12)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="tf.IndexedSlices")
def test_sparse_gradients_and_several_dtypes():
    import tensorflow as tf

    variables = [keras.Variable(np.ones((4, 2)), dtype="float32"), keras.Variable(1.0)]
    variables.append(keras.Variable(1.0, dtype="float64"))
    rows = tf.IndexedSlices(tf.constant([[0.25, 0.0]]), tf.constant([2]), tf.constant([4, 2]))
    LBFGS().apply([rows, tf.constant(0.5), tf.constant(0.5, "float64")], variables)
    expected = np.ones((4, 2))
    expected[2, 0] = 0.75
    np.testing.assert_allclose(variables[0].numpy(), expected)
    assert [float(v) for v in variables[1:]] == [0.5, 0.5]
