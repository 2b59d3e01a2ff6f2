"""AdaGrad with L1 and L2 penalties as proximal steps: weights that become exactly zero."""

from __future__ import annotations

from typing import Any

from keras import ops

from keras_trainkit._core.arguments import number
from keras_trainkit._core.registration import register
from keras_trainkit.optimizers.rule import RuleOptimizer


@register
class ProximalAdagrad(RuleOptimizer):
    """AdaGrad's step, then the minimum of the penalties beside where it led.

    With the weights x, the gradient g at x and the learning rate a, for each weight:

        s += g^2,  r = a / sqrt(s)
        y = x - r g
        x = sign(y) max(|y| - r l1, 0) / (1 + r l2)

    which is the minimum of (x - y)^2 / 2r + l1 |x| + l2 x^2 / 2: an L1 penalty sets weights to
    zero, where `keras.regularizers.L1` only draws them near. `weight_decay` is another thing,
    beside all this, and best left out.

    Args:
        learning_rate: The rate a: a number of at least 0, a `LearningRateSchedule`, or a function
            without arguments. Defaults to 1e-3.
        initial_accumulator_value: What s starts from, above 0; in squared units of the gradient.
            Defaults to 0.1.
        l1_regularization_strength: l1, at least 0. Defaults to 0.
        l2_regularization_strength: l2, at least 0. Defaults to 0.
        **kwargs: What every optimizer takes: `weight_decay`, `weight_decay_form` (`"decoupled"`,
            beside the step, or `"coupled"`, in the gradient), `clipnorm`, `clipvalue`,
            `global_clipnorm`, `use_ema`, `ema_momentum`, `ema_overwrite_frequency`,
            `loss_scale_factor`, `gradient_accumulation_steps`, `name`.

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    >>> import keras
    >>> from keras_trainkit.optimizers import ProximalAdagrad
    >>> weight = keras.Variable([1.0, 0.01])
    >>> optimizer = ProximalAdagrad(0.5, l1_regularization_strength=0.1)
    >>> optimizer.apply([keras.ops.zeros(2)], [weight])  # r is 0.5 / sqrt(0.1)
    >>> [round(float(x), 4) for x in keras.ops.convert_to_numpy(weight)]
    [0.8419, 0.0]

    Source: Duchi, Hazan, Singer, "Adaptive subgradient methods for online learning and stochastic
    optimization" (2011), section 5.1; Duchi and Singer, "Efficient learning using forward-backward
    splitting" (2009).
    """

    slots = ("accumulator",)

    def __init__(
        self,
        learning_rate: Any = 1e-3,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.initial_accumulator_value = number(
            self, "initial_accumulator_value", initial_accumulator_value, above=0.0
        )
        self.l1_regularization_strength = number(
            self, "l1_regularization_strength", l1_regularization_strength, minimum=0.0
        )
        self.l2_regularization_strength = number(
            self, "l2_regularization_strength", l2_regularization_strength, minimum=0.0
        )

    def initial(self, slot: str, variable: Any) -> Any:
        """The sum's start."""
        return self.initial_accumulator_value

    def remember(self, g: Any, w: Any, a: Any, t: Any, s: Any) -> tuple[Any, ...]:
        """The sum of squares."""
        return (s + ops.square(g),)

    def step(self, g: Any, w: Any, a: Any, t: Any, s: Any) -> Any:
        """From the weights to the minimum."""
        r = a / ops.sqrt(s)
        y = w - r * g
        shrunk = ops.relu(ops.abs(y) - r * self.l1_regularization_strength)
        return w - ops.sign(y) * shrunk / (1 + r * self.l2_regularization_strength)
