"""RMSProp: AdaGrad with a memory that fades."""

from __future__ import annotations

from typing import Any

from keras import ops

from keras_trainkit._core.arguments import boolean, number
from keras_trainkit._core.registration import register
from keras_trainkit.optimizers.rule import RuleOptimizer


@register
class RMSprop(RuleOptimizer):
    """Steps divided by the root of a moving average of the squared gradient.

    With the weights x, the gradient g at x, the learning rate a and the decay b (`rho`):

        s = b s + (1 - b) g^2
        x -= a g / (sqrt(s) + epsilon)

    s starts at zero and is not corrected for it: the first step is 1 / sqrt(1 - b) = 3.2 times
    as long as the later ones of a constant gradient (`Adam` corrects it).

    With `momentum` mu, v = mu v + g / (sqrt(s) + epsilon) and x -= a v, which is PyTorch's form;
    `keras.optimizers.RMSprop` keeps the rate inside of v, which is the same while it is constant,
    and adds epsilon under the root. With `centered`, the root is that of the variance, s - m^2,
    with m a moving average of g.

    Args:
        learning_rate: The rate a: a number of at least 0, a `LearningRateSchedule`, or a function
            without arguments. Defaults to 1e-3.
        rho: The decay b of the averages, in [0, 1). Defaults to 0.9.
        momentum: mu, in [0, 1). Defaults to 0: none.
        epsilon: Above 0; in the units of the gradient. Defaults to 1e-7.
        centered: Whether to divide by the deviation instead of the root mean square. Defaults to
            False.
        **kwargs: What every optimizer takes: `weight_decay`, `weight_decay_form` (`"decoupled"`,
            beside the step, or `"coupled"`, in the gradient), `clipnorm`, `clipvalue`,
            `global_clipnorm`, `use_ema`, `ema_momentum`, `ema_overwrite_frequency`,
            `loss_scale_factor`, `gradient_accumulation_steps`, `name`.

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    >>> import keras
    >>> from keras_trainkit.optimizers import RMSprop
    >>> weight = keras.Variable(1.0)
    >>> optimizer = RMSprop(learning_rate=0.25, rho=0.75)
    >>> optimizer.apply([weight * 3.0], [weight])  # a step of 0.25 * 3 / sqrt(0.25 * 9)
    >>> round(float(weight), 4)
    0.5

    Source: Tieleman and Hinton, "Neural networks for machine learning", lecture 6.5 (2012);
    centred: Graves, "Generating sequences with recurrent neural networks" (2013), equation 38.
    """

    def __init__(
        self,
        learning_rate: Any = 1e-3,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.rho = number(self, "rho", rho, minimum=0.0, below=1.0)
        self.momentum = number(self, "momentum", momentum, minimum=0.0, below=1.0)
        self.epsilon = number(self, "epsilon", epsilon, above=0.0)
        self.centered = boolean(self, "centered", centered)
        kept = {"second_moment": True, "first_moment": self.centered, "velocity": self.momentum}
        self.slots = tuple(name for name, wanted in kept.items() if wanted)

    def remember(self, g: Any, w: Any, a: Any, t: Any, s: Any, *others: Any) -> tuple[Any, ...]:
        """The averages, and the velocity."""
        b = self.rho
        new = [b * s + (1 - b) * ops.square(g)]
        if self.centered:
            new.append(b * others[0] + (1 - b) * g)
        if self.momentum:
            new.append(self.momentum * others[-1] + self._scaled(g, *new))
        return tuple(new)

    def step(self, g: Any, w: Any, a: Any, t: Any, *slots: Any) -> Any:
        """Along the velocity, or the scaled gradient."""
        return a * (slots[-1] if self.momentum else self._scaled(g, *slots))

    def _scaled(self, g: Any, s: Any, m: Any = None) -> Any:
        square = s if m is None else ops.relu(s - ops.square(m))  # rounding may cross 0
        return g / (ops.sqrt(square) + self.epsilon)
