"""Stochastic gradient descent, with momentum in both of its writings."""

from __future__ import annotations

from typing import Any

from keras_trainkit._core.arguments import boolean, number, one_of, refuse
from keras_trainkit._core.registration import register
from keras_trainkit.optimizers.rule import RuleOptimizer


@register
class SGD(RuleOptimizer):
    """Gradient descent, with heavy-ball or Nesterov momentum.

    With the weights x, the gradient g at x, the learning rate a and the momentum rho:

        plain                               x -= a g
        momentum, "velocity"                v = rho v + g;      x -= a v
        momentum, "step"                    v = rho v - a g;    x += v
        Nesterov, "velocity"                v = rho v + g;      x -= a (g + rho v)
        Nesterov, "step"                    v = rho v - a g;    x += rho v - a g

    Both writings of momentum make the same steps while the rate is constant. When it falls, the
    velocity of `"velocity"` shrinks with it at once (as in the lecture, PyTorch and optax), the
    steps remembered by `"step"` keep the size that they had (as in `keras.optimizers.SGD`).
    Nesterov's gradient at the point ahead, x + rho v, is had by holding that point as the weights.

    Args:
        learning_rate: The rate a: a number of at least 0, a `LearningRateSchedule`, or a function
            without arguments. Defaults to 0.01.
        momentum: rho, in [0, 1), typically 0.9 or 0.99. Defaults to 0: none.
        nesterov: Whether to look ahead. Needs momentum. Defaults to False.
        momentum_form: `"velocity"` or `"step"`, as above. Defaults to `"velocity"`, which is not
            what `keras.optimizers.SGD` does.
        **kwargs: What every optimizer takes: `weight_decay`, `weight_decay_form` (`"decoupled"`:
            x -= a lambda x beside the step; `"coupled"`: g + lambda x in the place of g),
            `clipnorm`, `clipvalue`, `global_clipnorm`, `use_ema`, `ema_momentum`,
            `ema_overwrite_frequency`, `loss_scale_factor`, `gradient_accumulation_steps`, `name`.

    Raises:
        ValueError: If an argument is out of its range, or `nesterov` is set without momentum.

    Example:

    >>> import keras
    >>> from keras_trainkit.optimizers import SGD
    >>> weight = keras.Variable(1.0)
    >>> optimizer = SGD(learning_rate=0.5, momentum=0.5)
    >>> for _ in range(2):
    ...     optimizer.apply([weight * 1.0], [weight])
    >>> float(weight)  # 1 - 0.5 * 1, then 0.5 - 0.5 * (0.5 * 1 + 0.5)
    0.0

    Source: Sutskever, Martens, Dahl, Hinton, "On the importance of initialization and momentum in
    deep learning" (2013), equations 1 to 4; Nesterov, "A method of solving a convex programming
    problem with convergence rate O(1/k^2)" (1983).
    """

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        momentum_form: str = "velocity",
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.momentum = number(self, "momentum", momentum, minimum=0.0, below=1.0)
        self.nesterov = boolean(self, "nesterov", nesterov)
        self.momentum_form = one_of(self, "momentum_form", momentum_form, ("velocity", "step"))
        if self.nesterov and not self.momentum:
            refuse(
                self, "nesterov", "be False without momentum", nesterov, "Set `momentum`, say 0.9."
            )
        self.slots = ("velocity",) if self.momentum else ()

    def remember(self, g: Any, w: Any, a: Any, t: Any, *velocity: Any) -> tuple[Any, ...]:
        """The velocity (of "step": the negative of the v above)."""
        pull = a * g if self.momentum_form == "step" else g
        return tuple(self.momentum * v + pull for v in velocity)

    def step(self, g: Any, w: Any, a: Any, t: Any, *velocity: Any) -> Any:
        """Along the gradient or the velocity, or along both."""
        if not velocity:
            return a * g
        (v,) = velocity
        if self.momentum_form == "step":
            return a * g + self.momentum * v if self.nesterov else v
        return a * (g + self.momentum * v if self.nesterov else v)
