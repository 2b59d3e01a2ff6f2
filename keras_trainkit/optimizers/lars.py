"""LARS: SGD with steps as long as their variable is large."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras_trainkit._core.arguments import boolean, number, refuse
from keras_trainkit._core.registration import register
from keras_trainkit.optimizers.rule import Layer, RuleOptimizer
from keras_trainkit.optimizers.trust import names, norm, trust_ratio


@register
class LARS(RuleOptimizer):
    """Momentum of gradients that are each scaled to a share of their variable's norm.

    With the weights x of one variable, the gradient g at x and the learning rate a:

        l = eta |x| / (|g| + lambda |x| + epsilon)
        v = mu v + a l (g + lambda x)
        x -= v                                      Nesterov: x -= mu v + a l (g + lambda x)

    The ratio l is 1 where either norm is 0, or where the variable is excepted from it: then the
    step is plain SGD's, which is usually some 1,000 times as long, so that a rate of several
    units needs care. The rate stands inside of v (`SGD`'s `momentum_form="step"`), as in the
    paper.

    Args:
        learning_rate: The rate a: a number of at least 0, a `LearningRateSchedule`, or a function
            without arguments. Defaults to 1.0.
        momentum: mu, in [0, 1). Defaults to 0.9.
        trust_coefficient: eta, above 0. Defaults to 0.001.
        epsilon: At least 0; in the units of a gradient's norm. Defaults to 0.
        nesterov: Whether to look ahead. Needs momentum. Defaults to False.
        exclude_from_layer_adaptation: Regular expressions, such as `("bias", "gamma", "beta")`:
            the ratio is 1 for a variable in whose name one is found. Defaults to None: the
            variables that `exclude_from_weight_decay` picks.
        **kwargs: What every optimizer takes: `weight_decay` (lambda), `weight_decay_form`
            (`"decoupled"`: as above; `"coupled"`: |g + lambda x| in the place of |g| + lambda
            |x|), `clipnorm`, `clipvalue`, `global_clipnorm`, `use_ema`, `ema_momentum`,
            `ema_overwrite_frequency`, `loss_scale_factor`, `gradient_accumulation_steps`, `name`.

    Raises:
        ValueError: If an argument is out of its range, or `nesterov` is set without momentum.

    Example:

    >>> import keras
    >>> from keras_trainkit.optimizers import LARS
    >>> weight = keras.Variable([4.0, 4.0])
    >>> optimizer = LARS(learning_rate=1.0, trust_coefficient=0.25)
    >>> optimizer.apply([weight * 10.0], [weight])
    >>> [round(float(x), 4) for x in keras.ops.convert_to_numpy(weight)]  # a quarter off
    [3.0, 3.0]

    Source: You, Gitman, Ginsburg, "Large batch training of convolutional networks" (2017),
    Algorithm 1.
    """

    slots = ("velocity",)
    layerwise = True

    def __init__(
        self,
        learning_rate: Any = 1.0,
        momentum: float = 0.9,
        trust_coefficient: float = 1e-3,
        epsilon: float = 0.0,
        nesterov: bool = False,
        exclude_from_layer_adaptation: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.momentum = number(self, "momentum", momentum, minimum=0.0, below=1.0)
        self.trust_coefficient = number(self, "trust_coefficient", trust_coefficient, above=0.0)
        self.epsilon = number(self, "epsilon", epsilon, minimum=0.0)
        self.nesterov = boolean(self, "nesterov", nesterov)
        if self.nesterov and not self.momentum:
            refuse(self, "nesterov", "be False without momentum", nesterov, "Set `momentum`.")
        self.exclude_from_layer_adaptation = names(self, exclude_from_layer_adaptation)

    def _pull(self, g: Any, w: Any, layer: Layer, a: Any) -> Any:
        pull, length = g, norm(g)
        if layer.weight_decay:
            pull = g + layer.weight_decay * w
            length = length + layer.weight_decay * norm(w)
        if layer.is_adapted:
            a = a * trust_ratio(self.trust_coefficient * norm(w), length + self.epsilon)
        return a * pull

    def remember(self, g: Any, w: Any, layer: Layer, a: Any, t: Any, v: Any) -> tuple[Any, ...]:
        """The velocity."""
        return (self.momentum * v + self._pull(g, w, layer, a),)

    def step(self, g: Any, w: Any, layer: Layer, a: Any, t: Any, v: Any) -> Any:
        """Along the velocity."""
        return self.momentum * v + self._pull(g, w, layer, a) if self.nesterov else v
