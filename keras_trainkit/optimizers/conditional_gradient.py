"""The conditional gradient (Frank-Wolfe) method: weights that stay inside of a ball."""

from __future__ import annotations

import math
from typing import Any

from keras import ops

from keras_trainkit._core.arguments import number, one_of
from keras_trainkit._core.registration import register
from keras_trainkit.optimizers.rule import RuleOptimizer
from keras_trainkit.optimizers.trust import norm


@register
class ConditionalGradient(RuleOptimizer):
    """Steps towards the point of a ball that the gradient asks for.

    With the weights x of one variable, the gradient g at x and the learning rate a in [0, 1]:

        s = -lambda_ g / |g|                   "fro": the ball |x| <= lambda_
        s = -lambda_ u1 v1'                    "nuclear": g's first singular vectors; the ball of
                                               the nuclear norm, a sum of singular values
        x += a (s - x)

    So weights that start inside of the ball never leave it. The rate is how far each step goes
    towards s, and falls in the theory as 2 / (t + 2); **TensorFlow Addons' `learning_rate` is 1
    minus this one** (its step *grows* when a schedule lets the rate fall).

    A variable of more than two dimensions is a matrix with the last one as its columns. The
    singular value decomposition of `"nuclear"` makes a step much slower.

    Args:
        learning_rate: The rate a: a number from 0 to 1, a `LearningRateSchedule`, or a function
            without arguments. Defaults to 0.01.
        lambda_: The radius of the ball, above 0; in the units of the weights. Defaults to 10.
        ord: `"fro"` or `"nuclear"`. Defaults to `"fro"`.
        epsilon: Above 0; added to |g|, so that a zero gradient asks for the centre. Defaults to
            1e-7.
        **kwargs: What every optimizer takes: `weight_decay`, `weight_decay_form` (`"decoupled"`,
            beside the step, or `"coupled"`, in the gradient), `clipnorm`, `clipvalue`,
            `global_clipnorm`, `use_ema`, `ema_momentum`, `ema_overwrite_frequency`,
            `loss_scale_factor`, `gradient_accumulation_steps`, `name`.

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    >>> import keras
    >>> from keras_trainkit.optimizers import ConditionalGradient
    >>> weight = keras.Variable([3.0, 4.0])
    >>> optimizer = ConditionalGradient(learning_rate=0.5, lambda_=5.0)
    >>> optimizer.apply([weight * -10.0], [weight])  # it is where it was asked to
    >>> [round(float(x), 4) for x in keras.ops.convert_to_numpy(weight)]
    [3.0, 4.0]

    Source: Frank and Wolfe, "An algorithm for quadratic programming" (1956); Jaggi, "Revisiting
    Frank-Wolfe: projection-free sparse convex optimization" (2013), Algorithm 1; Ravi et al.,
    "Constrained deep learning using conditional gradient and applications in computer vision"
    (2018).
    """

    elementwise = False

    def __init__(
        self,
        learning_rate: Any = 0.01,
        lambda_: float = 10.0,
        ord: str = "fro",
        epsilon: float = 1e-7,
        **kwargs: Any,
    ) -> None:
        if not callable(learning_rate):
            learning_rate = number(self, "learning_rate", learning_rate, minimum=0.0, maximum=1.0)
        super().__init__(learning_rate, **kwargs)
        self.lambda_ = number(self, "lambda_", lambda_, above=0.0)
        self.ord = one_of(self, "ord", ord, ("fro", "nuclear"))
        self.epsilon = number(self, "epsilon", epsilon, above=0.0)

    def step(self, g: Any, w: Any, a: Any, t: Any) -> Any:
        """Towards the point that the gradient asks for."""
        if self.ord == "fro" or len(g.shape) < 2:  # of a vector both norms are the same
            corner = g / (norm(g) + self.epsilon)
        else:
            rows = math.prod(g.shape[:-1])
            u, sizes, vt = ops.svd(ops.reshape(g, (rows, g.shape[-1])), full_matrices=False)
            share = sizes[0] / (sizes[0] + self.epsilon)
            corner = ops.reshape(share * u[:, :1] * vt[:1], g.shape)
        return a * (w + self.lambda_ * corner)
