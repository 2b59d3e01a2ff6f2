"""LAMB: Adam with steps as long as their variable is large."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras import ops

from keras_trainkit._core.arguments import number
from keras_trainkit._core.registration import register
from keras_trainkit.optimizers.bias_correction import filled_share
from keras_trainkit.optimizers.rule import Layer, RuleOptimizer
from keras_trainkit.optimizers.trust import names, norm, trust_ratio


@register
class LAMB(RuleOptimizer):
    """Adam's direction, scaled for each variable to a share of the variable's norm.

    With the weights x of one variable, and m, s, b1, b2 and t as of `Adam`:

        r = (m / (1 - b1^t)) / (sqrt(s / (1 - b2^t)) + epsilon) + lambda x
        x -= a (|x| / |r|) r

    The trust ratio |x| / |r| is 1 where either norm is 0. `weight_decay` (lambda) stands inside
    of r, as in the paper; `keras.optimizers.Lamb` has it outside, and cannot except a variable
    from the ratio; here biases and normalisations can be, as the authors do.

    Args:
        learning_rate: The rate a, relative to |x|: a number of at least 0, a
            `LearningRateSchedule`, or a function without arguments. Defaults to 1e-3.
        beta_1: b1, in [0, 1). Defaults to 0.9.
        beta_2: b2, in [0, 1). Defaults to 0.999.
        epsilon: Above 0; in the units of the gradient. Defaults to 1e-6.
        exclude_from_layer_adaptation: Regular expressions, such as `("bias", "gamma", "beta")`:
            a variable in whose name one is found is moved by a r. Defaults to None: the
            variables that `exclude_from_weight_decay` picks.
        **kwargs: What every optimizer takes: `weight_decay`, `weight_decay_form` (`"decoupled"`:
            in r; `"coupled"`: in the gradient), `clipnorm`, `clipvalue`, `global_clipnorm`,
            `use_ema`, `ema_momentum`, `ema_overwrite_frequency`, `loss_scale_factor`,
            `gradient_accumulation_steps`, `name`.

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    >>> import keras
    >>> from keras_trainkit.optimizers import LAMB
    >>> weight = keras.Variable([4.0, 4.0])
    >>> optimizer = LAMB(learning_rate=0.25)
    >>> optimizer.apply([weight * 10.0], [weight])
    >>> [round(float(x), 4) for x in keras.ops.convert_to_numpy(weight)]  # a quarter off
    [3.0, 3.0]

    Source: You et al., "Large batch optimization for deep learning: training BERT in 76 minutes"
    (2020), Algorithm 2.
    """

    slots = ("first_moment", "second_moment")
    layerwise = True

    def __init__(
        self,
        learning_rate: Any = 1e-3,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-6,
        exclude_from_layer_adaptation: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.beta_1 = number(self, "beta_1", beta_1, minimum=0.0, below=1.0)
        self.beta_2 = number(self, "beta_2", beta_2, minimum=0.0, below=1.0)
        self.epsilon = number(self, "epsilon", epsilon, above=0.0)
        self.exclude_from_layer_adaptation = names(self, exclude_from_layer_adaptation)

    def scalars(self, a: Any, t: Any) -> tuple[Any, ...]:
        """The rate, and the factor and the epsilon that make m and s of plain sums."""
        root = (filled_share(self.beta_2, t) / (1 - self.beta_2)) ** 0.5
        factor = root * (1 - self.beta_1) / filled_share(self.beta_1, t)
        return a, factor, self.epsilon * root

    def remember(
        self, g: Any, w: Any, layer: Layer, a: Any, factor: Any, epsilon: Any, m: Any, s: Any
    ) -> tuple[Any, ...]:
        """The moments, as m / (1 - b1) and s / (1 - b2), as of `Adam`."""
        return self.beta_1 * m + g, self.beta_2 * s + ops.square(g)

    def step(
        self, g: Any, w: Any, layer: Layer, a: Any, factor: Any, epsilon: Any, m: Any, s: Any
    ) -> Any:
        """Along Adam's direction and the decay, a share of the variable's norm."""
        r = factor * m / (ops.sqrt(s) + epsilon)
        if layer.weight_decay:
            r = r + layer.weight_decay * w
        return (a * trust_ratio(norm(w), norm(r)) if layer.is_adapted else a) * r
