"""AdaGrad: a rate for each weight, that falls with all the gradients it has seen."""

from __future__ import annotations

from typing import Any

from keras import ops

from keras_trainkit._core.arguments import number
from keras_trainkit._core.registration import register
from keras_trainkit.optimizers.rule import RuleOptimizer


@register
class Adagrad(RuleOptimizer):
    """Steps divided by the root of the sum of all squared gradients so far.

    With the weights x, the gradient g at x and the learning rate a:

        s += g^2
        x -= a g / (sqrt(s) + epsilon)

    The sum never shrinks, so that the steps decay to zero; of `RMSprop` they do not.

    `keras.optimizers.Adagrad` starts the sum at 0.1 and adds epsilon under the root.

    Args:
        learning_rate: The rate a: a number of at least 0, a `LearningRateSchedule`, or a function
            without arguments. Defaults to 1e-3.
        initial_accumulator_value: What s starts from, at least 0; in squared units of the
            gradient. Defaults to 0.
        epsilon: Above 0; in the units of the gradient. Defaults to 1e-7.
        **kwargs: What every optimizer takes: `weight_decay`, `weight_decay_form` (`"decoupled"`,
            beside the step, or `"coupled"`, in the gradient), `clipnorm`, `clipvalue`,
            `global_clipnorm`, `use_ema`, `ema_momentum`, `ema_overwrite_frequency`,
            `loss_scale_factor`, `gradient_accumulation_steps`, `name`.

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    >>> import keras
    >>> from keras_trainkit.optimizers import Adagrad
    >>> weight = keras.Variable(1.0)
    >>> optimizer = Adagrad(learning_rate=0.5)
    >>> optimizer.apply([weight * 3.0], [weight])  # a step of 0.5 * 3 / sqrt(9)
    >>> round(float(weight), 4)
    0.5

    Source: Duchi, Hazan, Singer, "Adaptive subgradient methods for online learning and stochastic
    optimization" (2011), the diagonal version.
    """

    slots = ("accumulator",)

    def __init__(
        self,
        learning_rate: Any = 1e-3,
        initial_accumulator_value: float = 0.0,
        epsilon: float = 1e-7,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.initial_accumulator_value = number(
            self, "initial_accumulator_value", initial_accumulator_value, minimum=0.0
        )
        self.epsilon = number(self, "epsilon", epsilon, above=0.0)

    def initial(self, slot: str, variable: Any) -> Any:
        """The sum's start."""
        return self.initial_accumulator_value

    def remember(self, g: Any, w: Any, a: Any, t: Any, s: Any) -> tuple[Any, ...]:
        """The sum of squares."""
        return (s + ops.square(g),)

    def step(self, g: Any, w: Any, a: Any, t: Any, s: Any) -> Any:
        """Along the gradient, by the root of the sum."""
        return a * g / (ops.sqrt(s) + self.epsilon)
