"""What every optimizer takes: Keras' own arguments, exclusions, sparse gradients, configs."""

import json
import re

import cases
import keras
import numpy as np
import pytest
from keras import ops
from optimizer_runs import REGIMES, run, stepper, variables_of

from keras_trainkit import schedules
from keras_trainkit.optimizers import (
    COCOB,
    LAMB,
    LARS,
    SGD,
    AdaBelief,
    Adagrad,
    Adam,
    ConditionalGradient,
    NovoGrad,
    ProximalAdagrad,
    RectifiedAdam,
    RMSprop,
    Yogi,
)

START = [np.array([1.0, -2.0, 3.0], "float32"), np.array([[0.5]], "float32")]


def gradients(steps=7):
    rng = np.random.default_rng(0)
    return [[rng.standard_normal(x.shape).astype("float32") for x in START] for _ in range(steps)]


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize(
    "arguments",
    [
        {"weight_decay": 0.1},
        {"clipnorm": 0.5},
        {"clipvalue": 0.3},
        {"global_clipnorm": 0.7},
        {"loss_scale_factor": 8.0},
        {"use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 3},
        {"gradient_accumulation_steps": 3},
        {"gradient_accumulation_steps": 2, "weight_decay": 0.1, "clipnorm": 0.5, "use_ema": True},
    ],
    ids=lambda arguments: "+".join(arguments),
)
def test_arguments_of_keras_do_as_in_keras(arguments, regime):
    mine = SGD(0.1, momentum=0.9, momentum_form="step", **arguments)
    theirs = keras.optimizers.SGD(0.1, momentum=0.9, **arguments)
    for a, b in zip(
        run(mine, START, gradients(), regime), run(theirs, START, gradients(), regime), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_weight_decay_may_change_later():
    optimizer, variables = SGD(0.5), named("kernel")
    optimizer.build(variables)
    optimizer.weight_decay = 0.5
    assert decayed(optimizer, variables) == [True]


def test_finalize_puts_the_averages_in():
    optimizer, variables = SGD(0.5, use_ema=True, ema_momentum=0.5), variables_of(np.float32(1.0))
    step = stepper(optimizer, variables)
    step([np.float32(1.0)])  # 0.5, and the average starts there
    step([np.float32(1.0)])  # 0.0
    optimizer.finalize_variable_values(variables)
    assert float(variables[0]) == 0.25


def decayed(optimizer, variables):
    """Which variables a step with zero gradients moves."""
    before = [float(v) for v in variables]
    step = stepper(optimizer, variables)
    step([np.float32(0.0) for _ in variables])
    return [float(v) != b for v, b in zip(variables, before, strict=True)]


def named(*names):
    return [keras.Variable(1.0, name=name) for name in names]


@pytest.mark.parametrize("cls", [SGD, Adam])
def test_exclusion_from_weight_decay(cls):
    variables = named("kernel", "bias", "gamma")
    optimizer = cls(0.1, weight_decay=0.5)
    assert decayed(optimizer, variables) == [True, True, True]

    optimizer = cls(0.1, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_list=[variables[0]], var_names=["gam+a"])
    copies = cls.from_config(optimizer.get_config())
    assert decayed(optimizer, variables) == [False, True, False]
    assert decayed(copies, variables) == [False, True, False]

    with pytest.raises(ValueError, match="`exclude_from_weight_decay` must be called before"):
        optimizer.exclude_from_weight_decay(var_names=["bias"])


@keras.saving.register_keras_serializable("tests")
def is_vector(variable):
    return len(variable.shape) == 1


def test_exclusion_by_a_predicate():
    variables = [keras.Variable(np.ones(shape), name="w") for shape in [(1,), (1, 1)]]

    def moved(optimizer):
        run_step = stepper(optimizer, variables)
        before = [ops.convert_to_numpy(v).item() for v in variables]
        run_step([np.zeros(v.shape) for v in variables])
        return [ops.convert_to_numpy(v).item() != b for v, b in zip(variables, before, strict=True)]

    optimizer = SGD(0.1, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(predicate=is_vector)
    saved = json.loads(json.dumps(keras.saving.serialize_keras_object(optimizer)))
    copy = keras.saving.deserialize_keras_object(saved)
    assert copy.get_config() == optimizer.get_config()
    assert moved(optimizer) == [False, True]
    assert moved(copy) == [False, True]


def test_a_predicate_that_no_config_can_name_is_refused():
    sentence = "`SGD`: `predicate` must be a function that a config can name, got <function"
    with pytest.raises(ValueError, match=f"^{sentence}.* Register it with `keras.saving"):
        SGD(0.1).exclude_from_weight_decay(predicate=lambda variable: True)


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
@pytest.mark.parametrize("case", cases.OPTIMIZERS, ids=str)
def test_coupled_decay_is_l2_in_the_gradient(case, dtype):
    coupled = case.build(weight_decay=0.25, weight_decay_form="coupled", clipvalue=1.0)
    plain = case.build(weight_decay=None)
    coupled.exclude_from_weight_decay(var_names=["w1"])
    start = [x.astype("float64") for x in START]
    mine, theirs = (
        [keras.Variable(x, dtype=dtype, name=f"w{i}") for i, x in enumerate(start)] for _ in "ab"
    )
    step, other_step = stepper(coupled, mine), stepper(plain, theirs)
    for g, h in gradients():
        step([3 * g, h])
        w = ops.convert_to_numpy(ops.cast(theirs[0], "float64"))
        other_step([np.clip(3 * g, -1, 1) + 0.25 * w, np.clip(h, -1, 1)])
    tolerance = {"float64": 1e-12, "bfloat16": 0.03}[dtype]
    for a, b in zip(mine, theirs, strict=True):
        a, b = (ops.convert_to_numpy(ops.cast(x, "float64")) for x in (a, b))
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_exclusion_in_fit(jit_compile):
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2)])
    model.layers[0].bias.assign([1.0, 1.0])
    kernel = model.layers[0].kernel.numpy() if keras.backend.backend() == "tensorflow" else None
    optimizer = SGD(0.1, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    x = np.zeros((4, 3), "float32")
    model.compile(optimizer, "mse", jit_compile=jit_compile)
    model.fit(x, np.ones((4, 2), "float32"), verbose=0)  # the gradients are zero
    np.testing.assert_array_equal(ops.convert_to_numpy(model.layers[0].bias), 1.0)
    if kernel is not None:
        np.testing.assert_allclose(model.layers[0].kernel.numpy(), 0.95 * kernel, rtol=1e-6)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="tf.IndexedSlices")
@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("arguments", [{}, {"clipnorm": 0.5}, {"gradient_accumulation_steps": 2}])
@pytest.mark.parametrize("make", [lambda **k: SGD(0.1, momentum=0.9, **k), Adam])
def test_sparse_gradients(make, arguments, regime):
    import tensorflow as tf

    rows, values = [3, 0, 3], np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], "float32")
    dense = np.zeros((5, 2), "float32")
    np.add.at(dense, rows, values)
    start = np.ones((5, 2), "float32")
    sparse = tf.IndexedSlices(tf.constant(values), tf.constant(rows), tf.constant([5, 2]))
    (a,) = run(make(**arguments), [start], [[sparse]] * 4, regime)
    (b,) = run(make(**arguments), [start], [[dense]] * 4, regime)
    np.testing.assert_allclose(a, b, rtol=1e-6)


def test_embedding_in_fit():
    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Embedding(10, 3)])
    model.compile(Adam(0.1), "mse", jit_compile=False)
    before = model.get_weights()[0]
    model.fit(np.full((8, 4), 7), np.ones((8, 4, 3)), epochs=2, verbose=0)
    moved = np.any(model.get_weights()[0] != before, axis=1)
    assert moved.tolist() == [row == 7 for row in range(10)]


def test_missing_gradients():
    optimizer, variables = SGD(0.5), variables_of(*START)
    with pytest.warns(UserWarning, match="Gradients do not exist"):
        optimizer.apply([ops.ones((3,)), None], variables)
    np.testing.assert_allclose(ops.convert_to_numpy(variables[0]), START[0] - 0.5)
    np.testing.assert_array_equal(ops.convert_to_numpy(variables[1]), START[1])
    with pytest.raises(ValueError, match="No gradients"):
        optimizer.apply([None, None], variables)


def test_a_changed_set_of_variables_is_refused():
    optimizer, variables = SGD(0.5), variables_of(*START)
    optimizer.build(variables[:1])
    sentence = "`SGD`: the variables must be those of the first step, got another one, 'w1'."
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}"):
        optimizer.apply([ops.ones((3,)), ops.ones((1, 1))], variables)
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}"):
        optimizer.build(variables)
    optimizer.build(variables[:1])  # the same again is nothing


def test_overwriting_variables_are_left_to_keras():
    statistic, weight = keras.Variable(0.0), keras.Variable(1.0)
    statistic.overwrite_with_gradient = True
    optimizer = Adam(0.25)
    optimizer.build([statistic, weight])
    assert len(optimizer.variables) == 3 + 2  # clock, rate, count; two moments of one weight
    optimizer.apply([ops.convert_to_tensor(7.0), ops.convert_to_tensor(1.0)])
    assert float(statistic) == 7.0
    assert float(weight) == pytest.approx(0.75)


def test_constraints_hold():
    weight = keras.Variable([0.1, 1.0])
    weight.constraint = keras.constraints.NonNeg()
    optimizer = SGD(1.0)
    optimizer.apply([ops.convert_to_tensor([0.5, 0.5])], [weight])
    np.testing.assert_allclose(ops.convert_to_numpy(weight), [0.0, 0.5])


@pytest.mark.parametrize(
    "rate",
    [
        1,
        0,
        np.float32(0.1),
        np.array(0.1),
        lambda: 0.1,
        keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9),
        schedules.Warmup(schedules.CosineDecay(0.1, 40), 5),
    ],
)
@pytest.mark.parametrize("cls", [SGD, Adam])
def test_takes_any_rate(cls, rate):
    optimizer = cls(rate)
    now = rate() if callable(rate) and not hasattr(rate, "get_config") else None
    if hasattr(rate, "get_config"):
        now = float(rate(0))
    (weight,) = run(optimizer, [np.float32(0.0)], [[np.float32(1.0)]])
    assert float(weight) == pytest.approx(-float(rate if now is None else now), rel=1e-6)


def test_schedules_count_steps():
    rates = [0.1, 0.1, 0.01]
    optimizer = SGD(keras.optimizers.schedules.PiecewiseConstantDecay([1], [0.1, 0.01]))
    (weight,) = variables_of(np.float32(0.0))
    step = stepper(optimizer, [weight])
    for i in range(3):
        step([np.float32(1.0)])
        assert float(weight) == pytest.approx(-sum(rates[: i + 1]), rel=1e-6)


@pytest.mark.parametrize(
    ("cls", "arguments", "sentence"),
    [
        (SGD, {"learning_rate": -0.1}, "`SGD`: `learning_rate` must be a finite number at least 0"),
        (Adam, {"learning_rate": float("nan")}, "`Adam`: `learning_rate` must be a finite number"),
        (Adam, {"learning_rate": "fast"}, "`Adam`: `learning_rate` must be a finite number"),
        (SGD, {"momentum": 1.0}, "`SGD`: `momentum` must be a finite number at least 0 and below"),
        (SGD, {"momentum": -0.5}, "`SGD`: `momentum` must be"),
        (SGD, {"nesterov": True}, "`SGD`: `nesterov` must be False without momentum, got True"),
        (SGD, {"nesterov": "no"}, "`SGD`: `nesterov` must be True or False"),
        (SGD, {"momentum_form": "keras"}, "`SGD`: `momentum_form` must be one of 'velocity', 'st"),
        (Adam, {"beta_1": 1.0}, "`Adam`: `beta_1` must be"),
        (Adam, {"beta_2": -0.1}, "`Adam`: `beta_2` must be"),
        (Adam, {"epsilon": 0.0}, "`Adam`: `epsilon` must be a finite number above 0, got 0.0"),
        (Adam, {"bias_correction": 1}, "`Adam`: `bias_correction` must be True or False"),
        (SGD, {"weight_decay": -1e-4}, "`SGD`: `weight_decay` must be"),
        (SGD, {"weight_decay_form": "l2"}, "`SGD`: `weight_decay_form` must be one of 'decoupled'"),
        (Adagrad, {"initial_accumulator_value": -1}, "`Adagrad`: `initial_accumulator_value` must"),
        (Adagrad, {"epsilon": 0}, "`Adagrad`: `epsilon` must be"),
        (AdaBelief, {"rectify": 1}, "`AdaBelief`: `rectify` must be True or False"),
        (AdaBelief, {"rectify": True, "beta_2": 0.5}, "`AdaBelief`: `beta_2` must be a finite"),
        (COCOB, {"alpha": 0.5}, "`COCOB`: `alpha` must be a finite number at least 1"),
        (
            ConditionalGradient,
            {"learning_rate": 1.5},
            "`ConditionalGradient`: `learning_rate` must be a finite number at least 0 and at most",
        ),
        (ConditionalGradient, {"lambda_": 0}, "`ConditionalGradient`: `lambda_` must be"),
        (ConditionalGradient, {"ord": "l1"}, "`ConditionalGradient`: `ord` must be one of 'fro'"),
        (LAMB, {"epsilon": -1}, "`LAMB`: `epsilon` must be"),
        (
            LAMB,
            {"exclude_from_layer_adaptation": [1]},
            "`LAMB`: `exclude_from_layer_adaptation` must be regular expressions, got [1]",
        ),
        (
            LARS,
            {"exclude_from_layer_adaptation": "("},
            "`LARS`: `exclude_from_layer_adaptation` must be regular expressions, got '('",
        ),
        (LARS, {"trust_coefficient": 0}, "`LARS`: `trust_coefficient` must be"),
        (LARS, {"momentum": 0, "nesterov": True}, "`LARS`: `nesterov` must be False without"),
        (NovoGrad, {"grad_averaging": 0}, "`NovoGrad`: `grad_averaging` must be True or False"),
        (
            ProximalAdagrad,
            {"initial_accumulator_value": 0},
            "`ProximalAdagrad`: `initial_accumulator_value` must be a finite number above 0",
        ),
        (
            RectifiedAdam,
            {"beta_2": 0.7, "sma_threshold": 6},
            "`RectifiedAdam`: `sma_threshold` must be a finite number at least 4 and at most 5.6",
        ),
        (Yogi, {"initial_accumulator_value": -1}, "`Yogi`: `initial_accumulator_value` must be"),
        (RMSprop, {"rho": 1}, "`RMSprop`: `rho` must be"),
        (RMSprop, {"momentum": 1}, "`RMSprop`: `momentum` must be"),
        (RMSprop, {"centered": 1}, "`RMSprop`: `centered` must be True or False"),
        (SGD, {"clipnorm": 0.0}, "`SGD`: `clipnorm` must be"),
        (SGD, {"clipvalue": -1}, "`SGD`: `clipvalue` must be"),
        (SGD, {"global_clipnorm": float("inf")}, "`SGD`: `global_clipnorm` must be"),
        (SGD, {"use_ema": "yes"}, "`SGD`: `use_ema` must be True or False"),
        (SGD, {"ema_momentum": 1.5}, "`SGD`: `ema_momentum` must be a probability"),
        (SGD, {"ema_overwrite_frequency": 0}, "`SGD`: `ema_overwrite_frequency` must be a whole"),
        (SGD, {"loss_scale_factor": 0}, "`SGD`: `loss_scale_factor` must be"),
        (SGD, {"gradient_accumulation_steps": 1}, "`SGD`: `gradient_accumulation_steps` must be"),
    ],
)
def test_refuses(cls, arguments, sentence):
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}"):
        cls(**arguments)


@pytest.mark.parametrize(
    "optimizer",
    [
        SGD(np.float32(0.25), momentum=np.float64(0.5), nesterov=np.True_, name="mine"),
        SGD(0.25, momentum=0.5, momentum_form="step", weight_decay=np.float32(0.5), clipnorm=1),
        Adam(schedules.Warmup(schedules.StepDecay(0.1, [5]), 2), bias_correction=False),
        Adam(0.5, 0.8, 0.9, 1e-6, use_ema=True, gradient_accumulation_steps=np.int64(3)),
    ],
    ids=["nesterov", "step", "schedule", "betas"],
)
def test_config(optimizer):
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(optimizer))
    assert type(copy) is type(optimizer)
    assert copy.get_config() == optimizer.get_config()
    trajectories = (run(o, START, gradients()) for o in (optimizer, copy))
    for a, b in zip(*trajectories, strict=True):
        np.testing.assert_array_equal(a, b)
    json = keras.saving.serialize_keras_object(optimizer)
    assert json["registered_name"] == f"keras_trainkit>{type(optimizer).__name__}"
