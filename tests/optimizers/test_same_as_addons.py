"""The optimizers that TensorFlow Addons has, step by step beside it.

It needs TensorFlow 2.14, and so an environment of its own, where `addons_iterates.py` runs; what
it writes is compared here. Where Addons departs from the paper, the row has the equation that it
follows instead, in NumPy: both are pinned, and nothing is let pass by a tolerance.
"""

import json
import pathlib
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops
from optimizer_runs import random_problem, stepper, variables_of
from oracles import optimizers as oracles

from keras_trainkit.optimizers import (
    COCOB,
    LAMB,
    SGD,
    SWA,
    AdaBelief,
    ConditionalGradient,
    LazyAdam,
    Lookahead,
    MovingAverage,
    NovoGrad,
    ProximalAdagrad,
    RectifiedAdam,
    Yogi,
)

ADDONS = pathlib.Path(__file__).parents[2] / ".venv-tfa" / "bin" / "python"
# All exact in float32, to which Addons rounds what it is given.
RATE = 2.0**-7
MOMENTUM = 0.875
BETAS = {"beta_1": 0.875, "beta_2": 0.984375}
DECAY = {"weight_decay": 0.125}
STEPS = 50
FALLING = [RATE] * 10 + [RATE / 8] * 40
TINY = {"epsilon": 1e-30}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (ADDONS.parent.parent / ".installed-tfa").exists(),
        reason="the environment of TensorFlow Addons is not there; `make test-tfa` makes it",
    ),
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="once is enough"),
]


@dataclass(frozen=True)
class Row:
    """An optimizer of Addons, and what makes the same weights: the kit's, or an equation."""

    cls: str
    arguments: dict[str, Any]
    mine: keras.optimizers.Optimizer | Callable[..., Any]
    others: dict[str, Any] = field(default_factory=dict)
    tolerance: float = 1e-10

    @property
    def given(self):
        """What `addons_iterates.py` reads."""
        rate = {} if self.cls == "COCOB" or "wrapped" in self.others else {"learning_rate": RATE}
        return {"cls": self.cls, "arguments": {**rate, **self.arguments}, **self.others}


def hatted_adam(w, gradients, rates, epsilon):
    """Adam with the paper's epsilon hat, beside the root of the uncorrected s."""
    w, path, b1, b2 = np.array(w), [], *BETAS.values()
    m, s = np.zeros_like(w), np.zeros_like(w)
    for t, (g, a) in enumerate(zip(gradients, rates, strict=True), start=1):
        m, s = b1 * m + (1 - b1) * g, b2 * s + (1 - b2) * g**2
        w = w - a * np.sqrt(1 - b2**t) / (1 - b1**t) * m / (np.sqrt(s) + epsilon)
        path.append(w)
    return path


def novograd_of_steps(w, gradients, rates, averaging=False):
    """NovoGrad with the rate inside of m, and a first step that is never averaged."""
    w, path, m, s, (b1, b2) = np.array(w), [], 0, None, BETAS.values()
    for g, a in zip(gradients, rates, strict=True):
        square = np.sum(g**2)
        share = 1 - b1 if averaging and s is not None else 1
        s = square if s is None else b2 * s + (1 - b2) * square
        m = b1 * m - a * share * g / (np.sqrt(s) + 1e-7)
        w = w + m
        path.append(w)
    return path


def average_from_the_start(w, gradients, rates, dynamic=False):
    """A moving average that begins with the weights before the first step, z = x_0.

    Its dynamic rate counts the steps before this one: min(d, (1 + n) / (10 + n)), n = t - 1.
    """
    z, path = np.array(w), []
    for t, x in enumerate(oracles.momentum(w, gradients, rates, rho=MOMENTUM), start=1):
        d = min(0.75, t / (9 + t)) if dynamic else 0.75
        z = d * z + (1 - d) * x
        path.append(z)
    return path


INNER = {"learning_rate": RATE, "momentum": MOMENTUM}
WRAPPED = {"wrapped": INNER}
AVERAGE = {**WRAPPED, "average": True}
ROWS = {
    "RectifiedAdam": Row("RectifiedAdam", BETAS, RectifiedAdam(RATE, **BETAS)),
    "RectifiedAdam, decay, another threshold": Row(
        "RectifiedAdam",
        {**BETAS, **DECAY, "sma_threshold": 4.5},
        RectifiedAdam(RATE, **BETAS, **DECAY, sma_threshold=4.5),
    ),
    "AdaBelief": Row(
        "AdaBelief", {**BETAS, **DECAY, "rectify": False}, AdaBelief(RATE, **BETAS, **DECAY)
    ),
    "AdaBelief, rectified": Row(  # by default there
        "AdaBelief",
        {**BETAS, "epsilon": 1e-8},
        AdaBelief(RATE, **BETAS, rectify=True, epsilon=1e-8),
    ),
    "Yogi": Row(
        "Yogi",
        {"beta1": 0.875, "beta2": 0.984375, "epsilon": 2.0**-10, "initial_accumulator_value": 0.5},
        Yogi(RATE, **BETAS, epsilon=2.0**-10, initial_accumulator_value=0.5),
    ),
    "NovoGrad": Row("NovoGrad", {**BETAS, **DECAY}, NovoGrad(RATE, **BETAS, **DECAY)),
    # The paper's Algorithm 1 multiplies m by the rate of the step, w -= a_t m; Addons keeps the
    # old rates in it.
    "NovoGrad, rate falling": Row("NovoGrad", BETAS, novograd_of_steps, {"rates": FALLING}),
    # The paper's m_1 = (1 - b1) g / sqrt(s) is left unaveraged there.
    "NovoGrad, averaging": Row(
        "NovoGrad",
        {**BETAS, "grad_averaging": True},
        lambda *problem: novograd_of_steps(*problem, averaging=True),
    ),
    "LAMB": Row("LAMB", {**BETAS, **DECAY}, LAMB(RATE, **BETAS, **DECAY)),
    "LAMB, one excepted": Row(
        "LAMB",
        {**BETAS, "exclude_from_layer_adaptation": ["w1"]},
        LAMB(RATE, **BETAS, exclude_from_layer_adaptation=["w1"]),
    ),
    # Where epsilon stands makes no difference if it is tiny.
    "LazyAdam": Row("LazyAdam", {**BETAS, **TINY}, LazyAdam(RATE, **BETAS, **TINY)),
    "LazyAdam, rows": Row(
        "LazyAdam", {**BETAS, **TINY}, LazyAdam(RATE, **BETAS, **TINY), {"sparse": True}
    ),
    # Algorithm 1 of the paper adds epsilon to sqrt(s / (1 - b2^t)); Addons to sqrt(s).
    "LazyAdam, epsilon": Row(
        "LazyAdam",
        {**BETAS, "epsilon": 0.125},
        lambda *problem: hatted_adam(*problem, epsilon=0.125),
    ),
    "COCOB": Row("COCOB", {}, COCOB()),
    "COCOB, bold": Row("COCOB", {"alpha": 2}, COCOB(alpha=2)),
    # The paper's x = (1 - a) x + a s; Addons calls 1 - a the rate.
    "ConditionalGradient": Row(
        "ConditionalGradient",
        {"learning_rate": 1 - RATE, "lambda_": 4.0},
        ConditionalGradient(RATE, lambda_=4.0),
    ),
    "ConditionalGradient, nuclear": Row(  # which has no epsilon there
        "ConditionalGradient",
        {"learning_rate": 1 - RATE, "lambda_": 4.0, "ord": "nuclear"},
        ConditionalGradient(RATE, lambda_=4.0, ord="nuclear", **TINY),
    ),
    "ProximalAdagrad": Row("ProximalAdagrad", {}, ProximalAdagrad(RATE)),
    "ProximalAdagrad, penalties": Row(
        "ProximalAdagrad",
        {"l1_regularization_strength": 0.25, "l2_regularization_strength": 0.5},
        ProximalAdagrad(RATE, l1_regularization_strength=0.25, l2_regularization_strength=0.5),
    ),
    "Lookahead": Row(
        "Lookahead",
        {"sync_period": 4, "slow_step_size": 0.25},
        Lookahead(SGD(**INNER), sync_period=4, slow_step_size=0.25),
        WRAPPED,
    ),
    # Addons takes the weights of the step after the one that is named, and float32 only.
    "SWA": Row(
        "SWA",
        {"start_averaging": 4, "average_period": 3},
        SWA(SGD(**INNER), start_averaging=5, average_period=3),
        {**AVERAGE, "dtype": "float32"},
        tolerance=1e-6,
    ),
    # And begins one step earlier than it is told to.
    "MovingAverage, late": Row(
        "MovingAverage",
        {"average_decay": 0.75, "start_step": 6},
        MovingAverage(SGD(**INNER), average_decay=0.75, start_step=5),
        AVERAGE,
    ),
    # The first average is that of the first step; in Addons the untrained weights are in it.
    "MovingAverage": Row("MovingAverage", {"average_decay": 0.75}, average_from_the_start, AVERAGE),
    "MovingAverage, dynamic": Row(
        "MovingAverage",
        {"average_decay": 0.75, "dynamic_decay": True},
        lambda *problem: average_from_the_start(*problem, dynamic=True),
        AVERAGE,
        tolerance=1e-6,  # its rates are float32
    ),
}


def problem():
    return random_problem(7, "float64", steps=STEPS)


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    """The iterates of all rows, an array for each variable."""
    folder = tmp_path_factory.mktemp("addons")
    start, gradients = problem()
    arrays = {f"start/{i}": x for i, x in enumerate(start)}
    arrays |= {f"gradients/{i}": np.array([g[i] for g in gradients]) for i in range(len(start))}
    np.savez(folder / "given.npz", **arrays)
    (folder / "rows.json").write_text(json.dumps({name: row.given for name, row in ROWS.items()}))
    program = pathlib.Path(__file__).with_name("addons_iterates.py")
    files = [folder / name for name in ("rows.json", "given.npz", "answer.npz")]
    done = subprocess.run([ADDONS, program, *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    with np.load(folder / "answer.npz") as answer:
        yield dict(answer)


@pytest.fixture(scope="module")
def table():
    """The differences found, printed in the end (seen with `pytest -s`)."""
    rows = {}
    yield rows
    for name, difference in rows.items():
        print(f"\n{name:42} {difference:.1e}", end="")
    print()


def with_kit(row, start, gradients):
    """What Addons does to variables, done by the kit's optimizer."""
    import tensorflow as tf

    dtype = row.others.get("dtype", "float64")
    start = start[:1] if row.others.get("sparse") else start
    optimizer = type(row.mine).from_config(row.mine.get_config())
    variables = variables_of(*(x.astype(dtype) for x in start))
    step, path = stepper(optimizer, variables), []
    kept = variables
    if row.others.get("average"):
        kept = [v for v in optimizer.variables if v.name.endswith("_average")]
    for t, values in enumerate(gradients):
        if row.others.get("sparse"):
            rows = [i for i in range(len(start[0])) if (i + t) % 2]
            values = [tf.IndexedSlices(tf.gather(values[0], rows), rows, start[0].shape)]
        step(values)
        path.append([ops.convert_to_numpy(v) for v in kept])
    return path


@pytest.mark.parametrize("name", ROWS)
def test_every_step(name, theirs, table):
    row, (start, gradients) = ROWS[name], problem()
    if isinstance(row.mine, keras.optimizers.Optimizer):
        mine = with_kit(row, start, gradients)
    else:
        rates = row.others.get("rates", [RATE] * STEPS)
        paths = [row.mine(x, [g[i] for g in gradients], rates) for i, x in enumerate(start)]
        mine = list(zip(*paths, strict=True))
    differences = []
    for i in range(len(mine[0])):
        a, b = np.array([x[i] for x in mine]), theirs[f"{name}/{i}"]
        assert a.shape == b.shape
        assert len(a) == STEPS
        differences.append(np.max(np.abs(a - b)) / np.max(np.abs(b)))
    table[name] = max(differences)
    assert max(differences) < row.tolerance


def test_the_equations_of_addons_are_not_the_kits():
    """Without this, a row with an equation would say nothing about the kit."""
    start, gradients = problem()
    rates = [RATE] * STEPS
    for optimizer, equation in (
        (LazyAdam(RATE, **BETAS, epsilon=0.125), ROWS["LazyAdam, epsilon"].mine),
        (NovoGrad(RATE, **BETAS, grad_averaging=True), ROWS["NovoGrad, averaging"].mine),
        (MovingAverage(SGD(**INNER), average_decay=0.75), ROWS["MovingAverage"].mine),
    ):
        others = {"average": True} if isinstance(optimizer, MovingAverage) else {}
        mine = with_kit(Row("", {}, optimizer, others), start, gradients)
        addons = equation(start[0], [g[0] for g in gradients], rates)
        assert np.max(np.abs(mine[0][0] - addons[0])) > 1e-6
