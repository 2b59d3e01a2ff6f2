"""Adam, as the paper has it."""

from __future__ import annotations

from typing import Any

from keras import ops

from keras_trainkit._core.arguments import boolean, number
from keras_trainkit._core.registration import register
from keras_trainkit.optimizers.bias_correction import filled_share
from keras_trainkit.optimizers.rule import RuleOptimizer


@register
class Adam(RuleOptimizer):
    """Steps of about the learning rate, whatever the gradient's scale.

    With the weights x, the gradient g at x, the learning rate a and the step t = 1, 2, ...:

        m = b1 m + (1 - b1) g
        s = b2 s + (1 - b2) g^2
        x -= a (m / (1 - b1^t)) / (sqrt(s / (1 - b2^t)) + epsilon)

    `keras.optimizers.Adam` adds epsilon to the root of the uncorrected s (the paper's
    "epsilon hat", up to 30 times larger in effect during the first steps); here it stands where
    Algorithm 1 of the paper and PyTorch have it.

    Args:
        learning_rate: The rate a: a number of at least 0, a `LearningRateSchedule`, or a function
            without arguments. Defaults to 1e-3.
        beta_1: b1, in [0, 1). Defaults to 0.9.
        beta_2: b2, in [0, 1). Defaults to 0.999.
        epsilon: Above 0; in the units of the gradient. Defaults to 1e-7 (the paper: 1e-8).
        bias_correction: False leaves the two divisions by 1 - b^t out ("almost Adam"): the
            first step is then about 0.1 / sqrt(0.001) = 3.2 times as long. Defaults to True.
        **kwargs: What every optimizer takes: `weight_decay`, `weight_decay_form` (`"decoupled"`,
            which makes it AdamW: x -= a lambda x beside the step; `"coupled"`: g + lambda x in
            the place of g), `clipnorm`, `clipvalue`, `global_clipnorm`, `use_ema`,
            `ema_momentum`, `ema_overwrite_frequency`, `loss_scale_factor`,
            `gradient_accumulation_steps`, `name`.

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    >>> import keras
    >>> from keras_trainkit.optimizers import Adam
    >>> weight = keras.Variable(1.0)
    >>> optimizer = Adam(learning_rate=0.25)
    >>> optimizer.apply([weight * 1000.0], [weight])
    >>> round(float(weight), 4)
    0.75

    Source: Kingma and Ba, "Adam: a method for stochastic optimization" (2015), Algorithm 1;
    weight decay: Loshchilov and Hutter, "Decoupled weight decay regularization" (2019).
    """

    slots = ("first_moment", "second_moment")

    def __init__(
        self,
        learning_rate: Any = 1e-3,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        bias_correction: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.beta_1 = number(self, "beta_1", beta_1, minimum=0.0, below=1.0)
        self.beta_2 = number(self, "beta_2", beta_2, minimum=0.0, below=1.0)
        self.epsilon = number(self, "epsilon", epsilon, above=0.0)
        self.bias_correction = boolean(self, "bias_correction", bias_correction)

    def scalars(self, a: Any, t: Any) -> tuple[Any, Any]:
        """The factor of m and the epsilon that make the formula above out of plain sums."""
        first, second = 1.0, 1.0
        if self.bias_correction:
            first, second = filled_share(self.beta_1, t), filled_share(self.beta_2, t)
        root = ((1 - self.beta_2) / second) ** 0.5
        return a * ((1 - self.beta_1) / first) / root, self.epsilon / root

    def remember(self, g: Any, w: Any, rate: Any, epsilon: Any, m: Any, s: Any) -> tuple[Any, Any]:
        """The moments, as m / (1 - b1) and s / (1 - b2).

        The two factors are in the scalars, which saves two passes over the weights.
        """
        return self.beta_1 * m + g, self.beta_2 * s + ops.square(g)

    def step(self, g: Any, w: Any, rate: Any, epsilon: Any, m: Any, s: Any) -> Any:
        """Along the first moment, by the root of the second."""
        return rate * m / (ops.sqrt(s) + epsilon)
