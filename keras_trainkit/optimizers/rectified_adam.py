"""RAdam: Adam that waits until its second moment can be trusted."""

from __future__ import annotations

from typing import Any

from keras import ops

from keras_trainkit._core.arguments import number
from keras_trainkit._core.registration import register
from keras_trainkit.optimizers.bias_correction import filled_share
from keras_trainkit.optimizers.rectification import rectified
from keras_trainkit.optimizers.rule import RuleOptimizer


@register
class RectifiedAdam(RuleOptimizer):
    """Adam whose adaptive rate is corrected for its variance in the first steps.

    With m, s, b1, b2 and t as of `Adam`, and the length of the average that s stands for,

        rho_inf = 2 / (1 - b2) - 1
        rho_t   = rho_inf - 2 t b2^t / (1 - b2^t)
        r_t     = sqrt((rho_t - 4)(rho_t - 2) rho_inf / ((rho_inf - 4)(rho_inf - 2) rho_t)),

        x -= a r_t (m / (1 - b1^t)) / (sqrt(s / (1 - b2^t)) + epsilon)   while rho_t >= threshold
        x -= a m / (1 - b1^t)                                            before

    Before that the step is as long as the gradient, so that a rate meant for Adam hardly moves
    the weights. The paper's threshold is 4; its authors' code and TensorFlow Addons have 5.

    The warm-up that TensorFlow Addons builds in (`total_steps`, `warmup_proportion`, `min_lr`) is
    a schedule: `schedules.Warmup(schedules.LinearDecay(...), steps)`. `amsgrad` is not in the
    paper and not here.

    Args:
        learning_rate: The rate a: a number of at least 0, a `LearningRateSchedule`, or a function
            without arguments. Defaults to 1e-3.
        beta_1: b1, in [0, 1). Defaults to 0.9.
        beta_2: b2, above 0.6 (where rho_inf is 4) and below 1. Defaults to 0.999.
        epsilon: Above 0; in the units of the gradient. Defaults to 1e-7.
        sma_threshold: The rho_t from which the step is adaptive, at least 4, at most rho_inf.
            Defaults to 5.
        **kwargs: What every optimizer takes: `weight_decay`, `weight_decay_form` (`"decoupled"`,
            beside the step, or `"coupled"`, in the gradient), `clipnorm`, `clipvalue`,
            `global_clipnorm`, `use_ema`, `ema_momentum`, `ema_overwrite_frequency`,
            `loss_scale_factor`, `gradient_accumulation_steps`, `name`.

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    >>> import keras
    >>> from keras_trainkit.optimizers import RectifiedAdam
    >>> weight = keras.Variable(1.0)
    >>> optimizer = RectifiedAdam(learning_rate=0.25)
    >>> optimizer.apply([weight * 2.0], [weight])  # as of SGD: 0.25 * 2
    >>> float(weight)
    0.5

    Source: Liu et al., "On the variance of the adaptive learning rate and beyond" (2020),
    Algorithm 2.
    """

    slots = ("first_moment", "second_moment")

    def __init__(
        self,
        learning_rate: Any = 1e-3,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        sma_threshold: float = 5.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.beta_1 = number(self, "beta_1", beta_1, minimum=0.0, below=1.0)
        self.beta_2 = number(self, "beta_2", beta_2, above=0.6, below=1.0)
        self.epsilon = number(self, "epsilon", epsilon, above=0.0)
        self.sma_threshold = number(
            self, "sma_threshold", sma_threshold, minimum=4.0, maximum=2 / (1 - self.beta_2) - 1
        )

    def scalars(self, a: Any, t: Any) -> tuple[Any, ...]:
        """The rate of m, the root of the correction of s, and whether s counts."""
        factor, trusted = rectified(self.beta_2, t, self.sma_threshold)
        rate = a / filled_share(self.beta_1, t)
        root = filled_share(self.beta_2, t) ** 0.5
        return ops.where(trusted, rate * factor, rate), root, trusted

    def remember(
        self, g: Any, w: Any, rate: Any, root: Any, trusted: Any, m: Any, s: Any
    ) -> tuple[Any, ...]:
        """The moments."""
        b1, b2 = self.beta_1, self.beta_2
        return b1 * m + (1 - b1) * g, b2 * s + (1 - b2) * ops.square(g)

    def step(self, g: Any, w: Any, rate: Any, root: Any, trusted: Any, m: Any, s: Any) -> Any:
        """Along the first moment, by the root of the second where that is trusted."""
        return rate * m / ops.where(trusted, ops.sqrt(s) / root + self.epsilon, 1.0)
