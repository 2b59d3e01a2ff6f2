"""AdaBelief: large steps where the gradient is what was expected."""

from __future__ import annotations

from typing import Any

from keras import ops

from keras_trainkit._core.arguments import boolean, number
from keras_trainkit._core.registration import register
from keras_trainkit.optimizers.bias_correction import filled_share
from keras_trainkit.optimizers.rectification import rectified
from keras_trainkit.optimizers.rule import RuleOptimizer

_THRESHOLD = 5.0  # that of RAdam's authors


@register
class AdaBelief(RuleOptimizer):
    """Adam divided by the gradient's deviation from its average, not by its size.

    With the weights x, the gradient g at x, the learning rate a and the step t = 1, 2, ...:

        m = b1 m + (1 - b1) g
        s = b2 s + (1 - b2) (g - m)^2 + epsilon
        x -= a (m / (1 - b1^t)) / (sqrt(s / (1 - b2^t)) + epsilon)

    Args:
        learning_rate: The rate a: a number of at least 0, a `LearningRateSchedule`, or a function
            without arguments. Defaults to 1e-3.
        beta_1: b1, in [0, 1). Defaults to 0.9.
        beta_2: b2, in [0, 1), with `rectify` above 0.6. Defaults to 0.999.
        epsilon: Above 0; in squared units of the gradient (it adds up inside of s), so far below
            Adam's. Defaults to 1e-14 (the paper: 1e-8; its authors' later code: 1e-16).
        rectify: Whether to rectify the rate as `RectifiedAdam` does, with its threshold of 5.
            Defaults to False, as in the paper; TensorFlow Addons' default is True.
        **kwargs: What every optimizer takes: `weight_decay`, `weight_decay_form` (`"decoupled"`,
            beside the step, or `"coupled"`, in the gradient), `clipnorm`, `clipvalue`,
            `global_clipnorm`, `use_ema`, `ema_momentum`, `ema_overwrite_frequency`,
            `loss_scale_factor`, `gradient_accumulation_steps`, `name`.

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    >>> import keras
    >>> from keras_trainkit.optimizers import AdaBelief
    >>> weight = keras.Variable(1.0)
    >>> optimizer = AdaBelief(learning_rate=0.09)  # g - m is 0.9 g in the first step
    >>> optimizer.apply([weight * 1000.0], [weight])
    >>> round(float(weight), 4)
    0.9

    Source: Zhuang et al., "AdaBelief optimizer: adapting stepsizes by the belief in observed
    gradients" (2020), Algorithm 2.
    """

    slots = ("first_moment", "second_moment")

    def __init__(
        self,
        learning_rate: Any = 1e-3,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-14,
        rectify: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.beta_1 = number(self, "beta_1", beta_1, minimum=0.0, below=1.0)
        self.rectify = boolean(self, "rectify", rectify)
        lowest = 2 / 3 if self.rectify else 0.0  # where the average is never longer than 5
        self.beta_2 = number(self, "beta_2", beta_2, minimum=lowest, below=1.0)
        self.epsilon = number(self, "epsilon", epsilon, above=0.0)

    def scalars(self, a: Any, t: Any) -> tuple[Any, ...]:
        """The rate of m, the root of the correction of s, and whether s counts."""
        rate = a / filled_share(self.beta_1, t)
        root = filled_share(self.beta_2, t) ** 0.5
        if not self.rectify:
            return rate, root, True
        factor, trusted = rectified(self.beta_2, t, _THRESHOLD)
        return ops.where(trusted, rate * factor, rate), root, trusted

    def remember(
        self, g: Any, w: Any, rate: Any, root: Any, trusted: Any, m: Any, s: Any
    ) -> tuple[Any, ...]:
        """The average, and the squared deviation from it."""
        b1, b2 = self.beta_1, self.beta_2
        m = b1 * m + (1 - b1) * g
        return m, b2 * s + (1 - b2) * ops.square(g - m) + self.epsilon

    def step(self, g: Any, w: Any, rate: Any, root: Any, trusted: Any, m: Any, s: Any) -> Any:
        """Along the average, by the deviation where that is trusted."""
        deviation = ops.sqrt(s) / root + self.epsilon
        return rate * m / (ops.where(trusted, deviation, 1.0) if self.rectify else deviation)
