"""Small variables that are updated as one vector, against the same updated one by one."""

import gc
import math

import cases
import keras
import numpy as np
import pytest
from keras import ops
from optimizer_runs import REGIMES, fresh, stepper

from keras_trainkit.optimizers import SGD, Adam, ConditionalGradient, LazyAdam, Lookahead, groups

SHAPES = [(3, 5), (7,), (), (0,), (1, 1), (2, 0, 3), (4,)]
BYTES = {"float32": 4, "bfloat16": 2}
EXTRAS = {
    "plain": {},
    "decay": {"weight_decay": 0.1},
    "coupled": {"weight_decay": 0.1, "weight_decay_form": "coupled"},
    "clipnorm": {"clipnorm": 0.5},
    "global_clipnorm": {"global_clipnorm": 0.5},
    "ema": {"use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 2},
    "accumulation": {"gradient_accumulation_steps": 2},
    "scaled": {"loss_scale_factor": 8.0},
}


def alone(monkeypatch):
    monkeypatch.setattr(groups, "SMALL", -1)


def problem(steps=4, missing=()):
    rng = np.random.default_rng(0)
    start = [rng.standard_normal(shape) for shape in SHAPES]
    gradients = [[rng.standard_normal(shape) for shape in SHAPES] for _ in range(steps)]
    for step, index in missing:
        gradients[step][index] = None
    return start, gradients


def trained(optimizer, start, gradients, dtype="float32", regime="eager"):
    """The weights and all that is saved, after some steps."""
    variables = [keras.Variable(x, dtype=dtype, name=f"w{i}") for i, x in enumerate(start)]
    step = stepper(optimizer, variables, regime)
    for gradient in gradients:
        step(gradient)
    return [
        ops.convert_to_numpy(ops.cast(v, "float64")) if isinstance(v, keras.Variable) else v.numpy()
        for v in [*variables, *optimizer.stored]
    ]


def assert_same(mine, theirs):
    for a, b in zip(mine, theirs, strict=True):
        np.testing.assert_array_equal(a, b)


def excepting(optimizer):
    optimizer.exclude_from_weight_decay(var_names=["w1", "w2", "w6"])
    return optimizer


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("case", cases.OPTIMIZERS, ids=str)
def test_every_rule_to_the_bit(case, dtype, monkeypatch):
    start, gradients = problem()
    make = lambda: excepting(fresh(case, weight_decay=0.1))  # noqa: E731
    mine = trained(make(), start, gradients, dtype)
    alone(monkeypatch)
    assert_same(mine, trained(make(), start, gradients, dtype))


@pytest.mark.parametrize("missing", [(), [(1, 0), (1, 4), (2, 6)]], ids=["all", "some"])
@pytest.mark.parametrize("extra", EXTRAS)
@pytest.mark.filterwarnings("ignore:Gradients do not exist")
def test_what_every_optimizer_takes_to_the_bit(extra, missing, monkeypatch):
    start, gradients = problem(missing=missing)
    gradients.insert(1, [g if g is None else g * np.nan for g in gradients[0]])
    make = lambda: excepting(Adam(0.01, **EXTRAS[extra]))  # noqa: E731
    mine = trained(make(), start, gradients)
    alone(monkeypatch)
    assert_same(mine, trained(make(), start, gradients))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("regime", [regime for regime in REGIMES if regime != "eager"])
@pytest.mark.filterwarnings("ignore:Gradients do not exist")
def test_regimes(regime, dtype):
    start, gradients = problem(missing=[(1, 0), (2, 0)])
    gradients[1][1] = gradients[1][1] * np.nan
    make = lambda: excepting(SGD(0.01, momentum=0.9, weight_decay=0.1))  # noqa: E731
    compiled = trained(make(), start, gradients, dtype, regime)
    for a, b in zip(compiled, trained(make(), start, gradients, dtype), strict=True):
        np.testing.assert_allclose(a, b, rtol=0.01 if dtype == "bfloat16" else 1e-6, atol=1e-6)


@pytest.mark.parametrize("built", [False, True])
@pytest.mark.parametrize("wrap", [lambda inner: inner, Lookahead], ids=["plain", "wrapped"])
@pytest.mark.parametrize("grouped_first", [False, True])
def test_a_state_is_saved_the_same_way(grouped_first, wrap, built, monkeypatch):
    start, gradients = problem(steps=6)
    small = groups.SMALL

    def make(grouped):
        monkeypatch.setattr(groups, "SMALL", small if grouped else -1)
        return wrap(Adam(0.01))

    unbroken = trained(make(True), start, gradients)
    first, store = make(grouped_first), {}
    half = trained(first, start, gradients[:3])[: len(start)]
    first.save_own_variables(store)
    second = make(not grouped_first)
    if built:
        second.build([keras.Variable(x, dtype="float32", name=f"w{i}") for i, x in enumerate(half)])
        second.load_own_variables(store)
        variables = second._trainable_variables
        step = stepper(second, variables)
        for gradient in gradients[3:]:
            step(gradient)
        state = [v.numpy() for v in [*variables, *second.stored]]
    else:
        second.load_own_variables(store)
        state = trained(second, half, gradients[3:])
    assert_same(state, unbroken)


def test_a_state_of_other_variables_is_left():
    optimizer, other, store = Adam(0.1), Adam(0.1), {}
    for one, count in ((optimizer, 2), (other, 3)):
        one.build([keras.Variable(np.ones(2)) for _ in range(count)])
    other.save_own_variables(store)
    with pytest.warns(UserWarning, match="`Adam`: the saved state has 9 arrays, not 7"):
        optimizer.load_own_variables(store)


def test_what_goes_together():
    def built(optimizer, **names):
        variables = [
            keras.Variable(np.zeros(shape), dtype=dtype, name=name)
            for name, (shape, dtype) in names.items()
        ]
        excepting(optimizer).build(variables)
        vectors = [v.shape for v in optimizer.variables if v.name.startswith("small_")]
        return [shape[0] for shape in vectors]

    many = {
        "a": ((3, 2), "float32"),
        "large": ((groups.SMALL + 1,), "float32"),
        "b": ((4,), "float32"),
        "w1": ((5,), "float32"),  # not decayed
        "c": ((groups.SMALL,), "bfloat16"),
        "w2": ((), "float32"),  # not decayed
        "d": ((1,), "bfloat16"),
        "lonely": ((2,), "float64"),
    }
    assert built(SGD(0.1, momentum=0.9), **many) == [10, 6, groups.SMALL + 1]
    assert built(Adam(), **many) == [10, 10, 6, 6, groups.SMALL + 1, groups.SMALL + 1]
    for optimizer in (ConditionalGradient(), LazyAdam(), SGD(0.1)):
        assert built(optimizer, **many) == []


def test_a_vector_stays_in_the_cache(monkeypatch):
    monkeypatch.setattr(groups, "MOST", 10)
    variables = [keras.Variable(np.zeros(4)) for _ in range(7)]
    assert groups.alike(variables, ["kind"] * 7) == [[0, 1], [2, 3], [4, 5, 6]]


def test_variables_of_several_devices_stay_alone(monkeypatch):
    monkeypatch.setattr(keras.distribution, "distribution", lambda: "a layout")
    assert groups.alike([keras.Variable(0.0), keras.Variable(1.0)], [0, 0]) == []


def test_update_step_by_hand():
    variables = [keras.Variable([1.0, 2.0]), keras.Variable([3.0])]
    optimizer = SGD(0.5, momentum=0.5)
    optimizer.build(variables)
    for _ in range(2):
        optimizer.update_step(ops.ones(2), variables[0], 0.5)
    np.testing.assert_allclose(ops.convert_to_numpy(variables[0]), [-0.25, 0.75])
    np.testing.assert_allclose(ops.convert_to_numpy(variables[1]), [3.0])


@pytest.mark.parametrize("shapes", [[(3, 5), (7,)], [(100, 100), (6,)]], ids=["joined", "alone"])
@pytest.mark.parametrize("dtype", BYTES)
@pytest.mark.parametrize("case", cases.OPTIMIZERS, ids=str)
def test_extra_memory_is_exactly_the_slots(case, dtype, shapes):
    variables = [keras.Variable(np.ones(shape), dtype=dtype) for shape in shapes]
    optimizer, others = fresh(case), {id(v) for v in all_variables()} | set(map(id, variables))
    state = len(optimizer.variables)
    assert state == 3  # the clock, the rate, the count of skipped steps: a number each
    optimizer.build(variables)
    optimizer.apply([ops.ones(shape, dtype) for shape in shapes], variables)
    numbers = [math.prod(shape) for shape in shapes]
    expected = sum(
        4 * (len(shapes) if slot in optimizer.scalar_slots else sum(numbers))
        for slot in optimizer.slots
    ) + (2 * sum(numbers) if dtype == "bfloat16" else 0)  # the residual
    kept = optimizer.variables[state:]
    assert sum(math.prod(v.shape) * BYTES[v.dtype] for v in kept) == expected
    new = {id(v) for v in all_variables()} - others
    assert new <= {id(v) for v in optimizer.variables}


def all_variables():
    return [x for x in gc.get_objects() if issubclass(type(x), keras.Variable)]
