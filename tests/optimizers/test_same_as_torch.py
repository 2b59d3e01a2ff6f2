"""The rules that `torch.optim` has, step by step beside it, a falling rate included."""

import keras
import numpy as np
import pytest
from optimizer_runs import random_problem, run

from keras_trainkit.optimizers import SGD, Adagrad, Adam, RectifiedAdam, RMSprop
from keras_trainkit.schedules import StepDecay

torch = pytest.importorskip(
    "torch", reason="torch is not in the extra `test`; `make test-torch` brings it"
)
if keras.backend.backend() != "torch":
    pytest.skip("once is enough, on torch", allow_module_level=True)

# Exact in float32, to which Keras rounds rates.
RATES = [2.0**-6] * 10 + [2.0**-7] * 40
DECAY = {"weight_decay": 0.125}
COUPLED = {**DECAY, "weight_decay_form": "coupled"}
BETAS, BETAS_OF_KIT = {"betas": (0.9, 0.99)}, {"beta_1": 0.9, "beta_2": 0.99}
TINY = {"epsilon": 1e-30}
ROWS = {
    "SGD": (SGD, {}, torch.optim.SGD, {}),
    "SGD, momentum": (SGD, {"momentum": 0.9}, torch.optim.SGD, {"momentum": 0.9}),
    "SGD, Nesterov, coupled decay": (
        SGD,
        {"momentum": 0.9, "nesterov": True, **COUPLED},
        torch.optim.SGD,
        {"momentum": 0.9, "nesterov": True, **DECAY},
    ),
    "Adagrad": (
        Adagrad,
        {"initial_accumulator_value": 0.1, "epsilon": 0.01, **COUPLED},
        torch.optim.Adagrad,
        {"initial_accumulator_value": 0.1, "eps": 0.01, **DECAY},
    ),
    "RMSprop": (RMSprop, {"epsilon": 0.01}, torch.optim.RMSprop, {"alpha": 0.9, "eps": 0.01}),
    "RMSprop, momentum": (
        RMSprop,
        {"rho": 0.99, "momentum": 0.9, "epsilon": 1e-8, **COUPLED},
        torch.optim.RMSprop,
        {"alpha": 0.99, "momentum": 0.9, "eps": 1e-8, **DECAY},
    ),
    # epsilon is not smaller because the first variance is a difference of nearly equal numbers
    "RMSprop, centred": (
        RMSprop,
        {"centered": True, "epsilon": 0.01},
        torch.optim.RMSprop,
        {"alpha": 0.9, "centered": True, "eps": 0.01},
    ),
    "Adam": (
        Adam,
        {**BETAS_OF_KIT, "epsilon": 0.01, **COUPLED},
        torch.optim.Adam,
        {**BETAS, "eps": 0.01, **DECAY},
    ),
    "AdamW": (
        Adam,
        {**BETAS_OF_KIT, "epsilon": 1e-8, **DECAY},
        torch.optim.AdamW,
        {**BETAS, "eps": 1e-8, **DECAY},
    ),
    # torch adds epsilon to the root of the uncorrected s: it has to be too small to matter.
    "RAdam": (
        RectifiedAdam,
        {**BETAS_OF_KIT, **TINY, **COUPLED},
        torch.optim.RAdam,
        {**BETAS, "eps": 1e-30, **DECAY},
    ),
    "RAdam, decoupled decay": (
        RectifiedAdam,
        {**BETAS_OF_KIT, **TINY, **DECAY},
        torch.optim.RAdam,
        {**BETAS, "eps": 1e-30, **DECAY, "decoupled_weight_decay": True},
    ),
}


def with_torch(cls, arguments, start, gradients):
    """The weights after all steps."""
    weights = [torch.tensor(x, requires_grad=True) for x in start]
    optimizer = cls(weights, lr=RATES[0], **arguments)
    for rate, step in zip(RATES, gradients, strict=True):
        optimizer.param_groups[0]["lr"] = rate
        for weight, g in zip(weights, step, strict=True):
            weight.grad = torch.tensor(g)
        optimizer.step()
    return [weight.detach().numpy() for weight in weights]


@pytest.mark.parametrize("name", ROWS)
def test_fifty_random_steps(name):
    cls, arguments, their_cls, theirs = ROWS[name]
    start, gradients = random_problem(8, "float64")
    mine = run(cls(StepDecay(RATES[0], [10], 0.5), **arguments), start, gradients)
    for a, b in zip(mine, with_torch(their_cls, theirs, start, gradients), strict=True):
        assert np.max(np.abs(a - b)) < 1e-10 * np.max(np.abs(b))
