"""NovoGrad: one second moment for each variable."""

from __future__ import annotations

from typing import Any

from keras import ops

from keras_trainkit._core.arguments import boolean, number
from keras_trainkit._core.registration import register
from keras_trainkit.optimizers.rule import Layer, RuleOptimizer


@register
class NovoGrad(RuleOptimizer):
    """Momentum of gradients that are each divided by the norm of their variable's.

    With the weights x of one variable, the gradient g at x and the learning rate a:

        s = |g|^2 in the first step, then b2 s + (1 - b2) |g|^2     one number
        m = b1 m + g / (sqrt(s) + epsilon) + lambda x
        x -= a m

    Half the memory of Adam's slots. `weight_decay` (lambda) stands inside of the momentum, as in
    the paper; with `weight_decay_form="coupled"` it goes into g, and so into s. TensorFlow Addons
    keeps the rate inside of m, which is the same while it is constant.

    Args:
        learning_rate: The rate a: a number of at least 0, a `LearningRateSchedule`, or a function
            without arguments. Defaults to 1e-3.
        beta_1: b1, in [0, 1). Defaults to 0.9 (the paper: 0.95).
        beta_2: b2, in [0, 1). Defaults to 0.999 (the paper: 0.98).
        epsilon: Above 0; in the units of a gradient's norm. Defaults to 1e-7.
        grad_averaging: Whether what is added to m is multiplied by 1 - b1, as in Adam; unlike
            in TensorFlow Addons in the first step, too. Defaults to False.
        **kwargs: What every optimizer takes: `weight_decay`, `weight_decay_form` (`"decoupled"`
            or `"coupled"`), `clipnorm`, `clipvalue`, `global_clipnorm`, `use_ema`,
            `ema_momentum`, `ema_overwrite_frequency`, `loss_scale_factor`,
            `gradient_accumulation_steps`, `name`.

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    >>> import keras
    >>> from keras_trainkit.optimizers import NovoGrad
    >>> weight = keras.Variable([3.0, 4.0])
    >>> optimizer = NovoGrad(learning_rate=0.5)
    >>> optimizer.apply([weight * 10.0], [weight])
    >>> [round(float(x), 4) for x in keras.ops.convert_to_numpy(weight)]  # a step of length 0.5
    [2.7, 3.6]

    Source: Ginsburg et al., "Stochastic gradient methods with layer-wise adaptive moments for
    training of deep networks" (2019), Algorithm 1.
    """

    slots = ("first_moment", "second_moment")
    scalar_slots = ("second_moment",)
    layerwise = True

    def __init__(
        self,
        learning_rate: Any = 1e-3,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        grad_averaging: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.beta_1 = number(self, "beta_1", beta_1, minimum=0.0, below=1.0)
        self.beta_2 = number(self, "beta_2", beta_2, minimum=0.0, below=1.0)
        self.epsilon = number(self, "epsilon", epsilon, above=0.0)
        self.grad_averaging = boolean(self, "grad_averaging", grad_averaging)

    def remember(
        self, g: Any, w: Any, layer: Layer, a: Any, t: Any, m: Any, s: Any
    ) -> tuple[Any, ...]:
        """The momentum, and the average of the gradient's squared norm."""
        square = ops.sum(ops.square(g))
        s = ops.where(t == 1, square, self.beta_2 * s + (1 - self.beta_2) * square)
        pull = g / (ops.sqrt(s) + self.epsilon)
        if layer.weight_decay:
            pull = pull + layer.weight_decay * w
        return self.beta_1 * m + (1 - self.beta_1 if self.grad_averaging else 1.0) * pull, s

    def step(self, g: Any, w: Any, layer: Layer, a: Any, t: Any, m: Any, s: Any) -> Any:
        """Along the momentum."""
        return a * m
