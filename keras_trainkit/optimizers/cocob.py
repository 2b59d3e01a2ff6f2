"""COCOB: no learning rate, but bets on the sign of the gradient."""

from __future__ import annotations

from typing import Any

from keras import ops

from keras_trainkit._core.arguments import number
from keras_trainkit._core.registration import register
from keras_trainkit.optimizers.rule import RuleOptimizer

_SCALE = 1e-8  # the largest gradient before there was one


@register
class COCOB(RuleOptimizer):
    """Coin betting: each weight bets a share of what it has won on the next gradient's sign.

    With the first weights x1, the weights x and the gradient g at x, for each weight:

        L = max(L, |g|)                                  the largest gradient, from 1e-8
        G = G + |g|
        R = max(R - g (x - x1), 0)                       the reward
        theta = theta - g
        x = x1 + theta / (L max(G + L, alpha L)) (L + R)

    There is no rate to choose. `learning_rate` is a factor on each move for those who want a
    warm-up after all; leave it at 1 for the paper's method, of which it is no part. (TensorFlow
    Addons has no such argument, starts L at 0, which gives NaN where a first gradient is 0, and
    keeps the last bet in the place of x - x1, which is the same but for decay and constraints.)

    Args:
        learning_rate: A factor on each move. Defaults to 1.
        alpha: Holds the first bets small: the first move is about 1 / alpha. At least 1. Defaults
            to 100.
        **kwargs: What every optimizer takes: `weight_decay`, `weight_decay_form` (`"decoupled"`,
            beside the step, or `"coupled"`, in the gradient), `clipnorm`, `clipvalue`,
            `global_clipnorm`, `use_ema`, `ema_momentum`, `ema_overwrite_frequency`,
            `loss_scale_factor`, `gradient_accumulation_steps`, `name`.

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    >>> import keras
    >>> from keras_trainkit.optimizers import COCOB
    >>> weight = keras.Variable(1.0)
    >>> optimizer = COCOB()
    >>> optimizer.apply([weight * 1000.0], [weight])
    >>> round(float(weight), 4)
    0.99

    Source: Orabona and Tommasi, "Training deep networks without learning rates through coin
    betting" (2017), Algorithm 2.
    """

    slots = ("largest", "absolute_sum", "reward", "negative_sum", "start")

    def __init__(self, learning_rate: Any = 1.0, alpha: float = 100.0, **kwargs: Any) -> None:
        super().__init__(learning_rate, **kwargs)
        self.alpha = number(self, "alpha", alpha, minimum=1.0)

    def initial(self, slot: str, variable: Any) -> Any:
        """The first weights, and a largest gradient that can be divided by."""
        return variable if slot == "start" else _SCALE if slot == "largest" else 0.0

    def remember(self, g: Any, w: Any, a: Any, t: Any, *slots: Any) -> tuple[Any, ...]:
        """The account of the bets."""
        largest, absolute_sum, reward, negative_sum, start = slots
        start = ops.where(t == 1, w, start)  # weights may have been loaded since it was built
        size = ops.abs(g)
        return (
            _larger(largest, size),
            absolute_sum + size,
            ops.relu(reward - g * (w - start)),
            negative_sum - g,
            start,
        )

    def step(self, g: Any, w: Any, a: Any, t: Any, *slots: Any) -> Any:
        """From the weights to the next bet."""
        largest, absolute_sum, reward, negative_sum, start = slots
        most = _larger(absolute_sum + largest, self.alpha * largest)
        bet = negative_sum / most * (1 + reward / largest)
        return a * (w - start - bet)


def _larger(x: Any, y: Any) -> Any:
    return ops.where(x > y, x, y)  # `ops.maximum` answers float64 in float32 on torch
