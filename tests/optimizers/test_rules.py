"""The formulas, against NumPy written from the papers and against Keras where it has the same."""

import cases
import keras
import numpy as np
import pytest
from optimizer_runs import REGIMES, run, stepper, variables_of
from oracles import optimizers as oracles

from keras_trainkit.optimizers import (
    COCOB,
    LAMB,
    LARS,
    SGD,
    AdaBelief,
    Adagrad,
    Adam,
    ConditionalGradient,
    LazyAdam,
    NovoGrad,
    ProximalAdagrad,
    RectifiedAdam,
    RMSprop,
    Yogi,
)

RATE = 0.01
# Exact in float32, to which Keras rounds them whatever the variable's dtype.
RHO = 0.875
EXACT = {"beta_1": 0.875, "beta_2": 0.984375, "epsilon": 1e-20}


def same(cls, oracle, id, **arguments):
    """A row whose oracle takes the optimizer's arguments."""
    return pytest.param(cls, arguments, oracle, arguments, id=id)


RULES = [
    pytest.param(SGD, {}, oracles.sgd, {}, id="sgd"),
    pytest.param(SGD, {"momentum": 0.9}, oracles.momentum, {}, id="momentum"),
    pytest.param(
        SGD,
        {"momentum": 0.9, "momentum_form": "step"},
        oracles.momentum_of_steps,
        {},
        id="momentum-step",
    ),
    pytest.param(SGD, {"momentum": 0.9, "nesterov": True}, oracles.nesterov, {}, id="nesterov"),
    pytest.param(
        SGD,
        {"momentum": 0.9, "nesterov": True, "momentum_form": "step"},
        oracles.nesterov_of_steps,
        {},
        id="nesterov-step",
    ),
    pytest.param(Adam, {}, oracles.adam, {}, id="adam"),
    pytest.param(
        Adam, {"bias_correction": False}, oracles.adam, {"bias_correction": False}, id="almost-adam"
    ),
    pytest.param(
        Adam,
        {"beta_1": 0.0, "beta_2": 0.5, "epsilon": 0.1},
        oracles.adam,
        {"beta_1": 0.0, "beta_2": 0.5, "epsilon": 0.1},
        id="adam-odd",
    ),
    pytest.param(Adagrad, {}, oracles.adagrad, {}, id="adagrad"),
    pytest.param(
        Adagrad,
        {"initial_accumulator_value": 0.1, "epsilon": 0.1},
        oracles.adagrad,
        {"start": 0.1, "epsilon": 0.1},
        id="adagrad-started",
    ),
    same(AdaBelief, oracles.adabelief, id="adabelief"),
    same(AdaBelief, oracles.adabelief, id="adabelief-rectified", rectify=True, epsilon=1e-8),
    same(COCOB, oracles.cocob, id="cocob"),
    same(COCOB, oracles.cocob, id="cocob-bold", alpha=2.0),
    same(ConditionalGradient, oracles.conditional_gradient, id="conditional", lambda_=3.0),
    same(
        ConditionalGradient, oracles.conditional_gradient, id="conditional-nuclear", ord="nuclear"
    ),
    same(LAMB, oracles.lamb, id="lamb"),
    same(LAMB, oracles.lamb, id="lamb-excepted", exclude_from_layer_adaptation=("w",), epsilon=0.1),
    same(LARS, oracles.lars, id="lars"),
    same(LARS, oracles.lars, id="lars-nesterov", trust_coefficient=0.5, nesterov=True),
    same(LARS, oracles.lars, id="lars-excepted", exclude_from_layer_adaptation=("w",)),
    same(LazyAdam, oracles.adam, id="lazy-adam"),
    same(NovoGrad, oracles.novograd, id="novograd"),
    same(NovoGrad, oracles.novograd, id="novograd-averaging", grad_averaging=True, beta_2=0.5),
    same(ProximalAdagrad, oracles.proximal_adagrad, id="proximal-adagrad"),
    same(
        ProximalAdagrad,
        oracles.proximal_adagrad,
        id="proximal-adagrad-both",
        l1_regularization_strength=0.3,
        l2_regularization_strength=0.2,
    ),
    same(RMSprop, oracles.rmsprop, id="rmsprop"),
    same(RMSprop, oracles.rmsprop, id="rmsprop-odd", rho=0.5, epsilon=0.1),
    same(RMSprop, oracles.rmsprop, id="rmsprop-whole", momentum=0.9, centered=True, epsilon=1e-3),
    same(RectifiedAdam, oracles.radam, id="radam"),
    same(RectifiedAdam, oracles.radam, id="radam-odd", beta_2=0.9, sma_threshold=4.0, epsilon=0.1),
    same(Yogi, oracles.yogi, id="yogi"),
    same(Yogi, oracles.yogi, id="yogi-plain", bias_correction=False, epsilon=1e-2),
]

COMPILED = [row for row in RULES if row.values[0] in (SGD, Adam) or "-" not in row.id] + [
    row
    for row in RULES
    if row.id == "proximal-adagrad"  # one row a class: compiling is slow
]


class Halving(keras.optimizers.schedules.LearningRateSchedule):
    """A rate that a test can read off: it halves after ten steps, and is exact in float32."""

    def __call__(self, step):
        return keras.ops.where(keras.ops.cast(step, "int32") < 10, 2.0**-6, 2.0**-7)

    def get_config(self):
        return {}


def random_problem(seed, dtype, steps=50):
    rng = np.random.default_rng(seed)
    start = [rng.standard_normal(shape).astype(dtype) for shape in [(3, 4), (5,), ()]]
    scales = 10.0 ** rng.uniform(-3, 1, steps)
    gradients = [
        [(scale * rng.standard_normal(x.shape)).astype(dtype) for x in start] for scale in scales
    ]
    return start, gradients


@pytest.mark.parametrize(
    ("dtype", "weight_decay", "tolerance"),
    [("float32", None, 1e-5), ("float64", 0.1, 1e-11)],
)
@pytest.mark.parametrize(("cls", "arguments", "oracle", "oracle_arguments"), RULES)
def test_fifty_random_steps(
    cls, arguments, oracle, oracle_arguments, dtype, weight_decay, tolerance
):
    start, gradients = random_problem(1, dtype)
    optimizer = cls(Halving(), weight_decay=weight_decay, **arguments)
    rates = [2.0**-6] * 10 + [2.0**-7] * 40
    for i, weights in enumerate(run(optimizer, start, gradients)):
        expected = oracle(
            start[i],
            [g[i] for g in gradients],
            rates,
            weight_decay=weight_decay or 0.0,
            **oracle_arguments,
        )[-1]
        assert weights.dtype == dtype
        error = np.max(np.abs(weights - expected)) / np.max(np.abs(expected))
        assert error < tolerance


@pytest.mark.parametrize(("cls", "arguments", "oracle", "oracle_arguments"), RULES)
def test_the_rule_alone_is_pure(cls, arguments, oracle, oracle_arguments):
    (_, start, _), gradients = random_problem(5, "float32", steps=5)
    optimizer = cls(RATE, **arguments)
    a, w = keras.ops.convert_to_tensor(RATE), keras.ops.convert_to_tensor(start)
    slots = [
        keras.ops.broadcast_to(
            keras.ops.cast(optimizer.initial(name, w), "float32"),
            () if name in optimizer.scalar_slots else w.shape,
        )
        for name in optimizer.slots
    ]
    for t, (_, g, _) in enumerate(gradients, start=1):
        step, slots = optimizer.rule(
            keras.ops.convert_to_tensor(g), w, a, keras.ops.cast(t, "float32"), *slots
        )
        w = w - step
    oracle_arguments = {**oracle_arguments}
    oracle_arguments.pop("exclude_from_layer_adaptation", None)  # a matter of names
    expected = oracle(start, [g[1] for g in gradients], [RATE] * 5, **oracle_arguments)[-1]
    np.testing.assert_allclose(keras.ops.convert_to_numpy(w), expected, rtol=1e-5, atol=1e-6)
    assert not optimizer.built


@pytest.mark.parametrize("case", cases.OPTIMIZERS, ids=str)
def test_float64_stays_float64(case):
    # `ops.maximum` answers in float32 on torch, `ops.norm` on JAX.
    optimizer, x = case.build(weight_decay=0.1), keras.ops.ones((3, 2), "float64")
    step, slots = optimizer.rule(x, x, x[0, 0], x[0, 0], *[x for _ in optimizer.slots])
    assert {keras.backend.standardize_dtype(y.dtype) for y in (step, *slots)} == {"float64"}


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize(("cls", "arguments", "oracle", "oracle_arguments"), COMPILED)
def test_regimes(cls, arguments, oracle, oracle_arguments, regime):
    start, gradients = random_problem(2, "float32", steps=5)
    expected = [
        oracle(x, [g[i] for g in gradients], [RATE] * 5, **oracle_arguments)[-1]
        for i, x in enumerate(start)
    ]
    weights = run(cls(RATE, **arguments), start, gradients, regime)
    for mine, theirs in zip(weights, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        (SGD(RATE), keras.optimizers.SGD(RATE)),
        (
            SGD(RATE, momentum=RHO, momentum_form="step"),
            keras.optimizers.SGD(RATE, momentum=RHO),
        ),
        (
            SGD(RATE, momentum=RHO, nesterov=True, momentum_form="step"),
            keras.optimizers.SGD(RATE, momentum=RHO, nesterov=True),
        ),
        # Where the two places of epsilon make no difference.
        (Adam(RATE, **EXACT), keras.optimizers.Adam(RATE, **EXACT)),
        (
            Adam(RATE, weight_decay=0.125, **EXACT),
            keras.optimizers.AdamW(RATE, weight_decay=0.125, **EXACT),
        ),
        (
            Adagrad(RATE, initial_accumulator_value=0.125, epsilon=1e-20),
            keras.optimizers.Adagrad(RATE, initial_accumulator_value=0.125, epsilon=1e-20),
        ),
        (
            RMSprop(RATE, rho=RHO, momentum=RHO, epsilon=1e-20),
            keras.optimizers.RMSprop(RATE, rho=RHO, momentum=RHO, epsilon=1e-20),
        ),
        (
            RMSprop(RATE, rho=RHO, centered=True, epsilon=1e-20),
            keras.optimizers.RMSprop(RATE, rho=RHO, centered=True, epsilon=1e-20),
        ),
        (LAMB(RATE, **EXACT), keras.optimizers.Lamb(RATE, **EXACT)),
    ],
    ids=lambda optimizer: optimizer.name,
)
def test_same_as_keras(mine, theirs):
    start, gradients = random_problem(3, "float64")
    for a, b in zip(run(mine, start, gradients), run(theirs, start, gradients), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9)


def next_step(optimizer, before=3):
    """Three steps at rate 1 with gradient 1, then the size of the one at rate 0.1."""
    (weight,) = variables_of(np.float32(0.0))
    step = stepper(optimizer, [weight])
    for _ in range(before):
        step([np.float32(1.0)])
    optimizer.learning_rate = 0.1
    old = float(weight)
    step([np.float32(1.0)])
    return float(weight) - old


def test_momentum_after_the_rate_falls():
    assert next_step(SGD(1.0, momentum=0.9)) == pytest.approx(-0.3439, abs=1e-6)
    assert next_step(SGD(1.0, momentum=0.9, momentum_form="step")) == pytest.approx(
        -2.539, abs=1e-6
    )
    assert next_step(keras.optimizers.SGD(1.0, momentum=0.9)) == pytest.approx(-2.539, abs=1e-6)


@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum_forms_agree_at_a_constant_rate(nesterov):
    start, gradients = random_problem(4, "float64")
    velocity, step = (
        run(SGD(0.1, momentum=0.9, nesterov=nesterov, momentum_form=form), start, gradients)
        for form in ("velocity", "step")
    )
    for a, b in zip(velocity, step, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


@pytest.mark.parametrize("form", ["velocity", "step"])
def test_nesterov_is_the_gradient_at_the_point_ahead(form):
    curvature = np.array([1.0, 10.0, 100.0])
    start = np.array([1.0, -2.0, 3.0])
    expected = oracles.nesterov_ahead(start, lambda x: curvature * x, 2.0**-7, 50, 0.9)
    (weight,) = variables_of(start)
    step = stepper(SGD(2.0**-7, momentum=0.9, nesterov=True, momentum_form=form), [weight])
    for point in expected:
        step([curvature * keras.ops.convert_to_numpy(weight)])
        np.testing.assert_allclose(keras.ops.convert_to_numpy(weight), point, rtol=1e-9, atol=1e-12)


def test_almost_adam_starts_too_long():
    first = {
        correction: float(run(Adam(1e-3, bias_correction=correction), [0.0], [[2.0]])[0])
        for correction in (True, False)
    }
    assert first[True] == pytest.approx(-1e-3, rel=1e-6)
    assert first[False] / first[True] == pytest.approx(0.1 / np.sqrt(0.001), rel=1e-4)


def test_momentum_passes_the_saddle_that_sgd_sits_in():
    # f = (x^2 - y^2)/2 + y^4/4: a saddle at (0, 0), minima at (0, 1) and (0, -1).
    def end(optimizer):
        (weight,) = variables_of(np.array([1.0, 1e-4]))
        step = stepper(optimizer, [weight])
        for _ in range(60):
            x, y = keras.ops.convert_to_numpy(weight)
            step([np.array([x, y**3 - y])])
        return keras.ops.convert_to_numpy(weight)

    assert abs(end(SGD(0.05))[1]) < 0.01
    assert abs(end(SGD(0.05, momentum=0.9))[1]) > 0.5


def test_adagrad_comes_to_rest_and_rmsprop_does_not():
    def steps(optimizer):
        (weight,) = variables_of(np.float64(0.0))
        step, path = stepper(optimizer, [weight]), [0.0]
        for _ in range(100):
            step([np.float64(3.0)])
            path.append(float(weight))
        return -np.diff(path)

    np.testing.assert_allclose(steps(Adagrad(0.1)), 0.1 / np.sqrt(np.arange(1, 101)), rtol=1e-6)
    fading = steps(RMSprop(0.1))
    assert fading[0] == pytest.approx(0.1 / np.sqrt(0.1), rel=1e-6)
    np.testing.assert_allclose(fading[80:], 0.1, rtol=1e-4)


def test_layer_adaptation_spares_what_is_named():
    weight = np.array([3.0, 4.0])

    def moves(cls, exclusions=None, undecayed=()):
        optimizer = cls(0.5, exclude_from_layer_adaptation=exclusions)
        optimizer.exclude_from_weight_decay(var_names=undecayed)
        variables = [
            keras.Variable(weight, dtype="float64", name=name) for name in ("kernel", "bias")
        ]
        stepper(optimizer, variables)([weight * 10, weight * 10])
        return [np.linalg.norm(keras.ops.convert_to_numpy(v) - weight) for v in variables]

    adapted, plain = 0.5 * 5, 0.5 * np.sqrt(2)  # a |x|, and Adam's step in two dimensions
    assert moves(LAMB) == pytest.approx([adapted, adapted])
    assert moves(LAMB, ("bias",)) == pytest.approx([adapted, plain], rel=1e-6)
    assert moves(LAMB, undecayed=["bias"]) == pytest.approx([adapted, plain], rel=1e-6)
    assert moves(LAMB, (), undecayed=["bias"]) == pytest.approx([adapted, adapted])
    assert moves(LARS, "bias") == pytest.approx([0.001 * adapted, 0.5 * 50])


def test_a_layer_of_zeros_is_moved():
    for optimizer in (LAMB(0.5), LARS(0.5)):
        (weight,) = run(optimizer, [np.zeros(2)], [[np.array([3.0, 4.0])]])
        assert np.all(weight < 0)
        (weight,) = run(
            optimizer.from_config(optimizer.get_config()), [np.ones(2)], [[np.zeros(2)]]
        )
        np.testing.assert_array_equal(weight, 1.0)


def test_radam_starts_as_sgd():
    (weight,) = run(RectifiedAdam(0.25, beta_1=0.0), [np.zeros(2)], [[np.array([3.0, 4.0])]] * 5)
    np.testing.assert_allclose(weight, [-5 * 0.25 * 3, -5 * 0.25 * 4])


@pytest.mark.parametrize("ord", ["fro", "nuclear"])
def test_conditional_gradient_stays_in_the_ball(ord):
    start, gradients = random_problem(6, "float64")
    optimizer = ConditionalGradient(0.5, lambda_=2.0, ord=ord)
    weights = run(optimizer, [x * 0 for x in start], gradients)
    for x in weights:
        assert 0.1 < np.linalg.norm(x, "nuc" if ord == "nuclear" and x.ndim > 1 else None) < 2.0


def test_proximal_adagrad_sets_weights_to_zero():
    optimizer = ProximalAdagrad(0.5, l1_regularization_strength=0.1)
    (weight,) = run(optimizer, [np.array([1.0, 0.01])], [[np.zeros(2)]])
    assert weight[1] == 0.0
    assert weight[0] > 0.5


def test_cocob_needs_no_rate():
    # 10 (x - 3)^2 and 0.001 (y + 2)^2, whose gradients differ 10,000 times
    (weight,) = variables_of(np.zeros(2))
    step = stepper(COCOB(), [weight])
    for _ in range(600):
        x, y = keras.ops.convert_to_numpy(weight)
        step([np.array([20 * (x - 3), 0.002 * (y + 2)])])
    np.testing.assert_allclose(keras.ops.convert_to_numpy(weight), [3.0, -2.0], atol=0.3)


def test_cocob_bets_from_the_weights_of_the_first_step():
    (weight,) = variables_of(np.zeros(1))
    optimizer = COCOB()
    optimizer.build([weight])
    weight.assign([5.0])  # as loading pretrained weights does
    stepper(optimizer, [weight])([np.ones(1)])
    assert float(weight[0]) == pytest.approx(5 - 1 / 100)
