"""Yogi: Adam whose second moment moves by steps of a bounded size."""

from __future__ import annotations

from typing import Any

from keras import ops

from keras_trainkit._core.arguments import boolean, number
from keras_trainkit._core.registration import register
from keras_trainkit.optimizers.bias_correction import filled_share
from keras_trainkit.optimizers.rule import RuleOptimizer


@register
class Yogi(RuleOptimizer):
    """Adam with a second moment that forgets large gradients slowly.

    With the weights x, the gradient g at x, the learning rate a and the step t = 1, 2, ...:

        m = b1 m + (1 - b1) g
        s = s - (1 - b2) sign(s - g^2) g^2
        x -= a c_t m / (sqrt(s) + epsilon),  c_t = sqrt(1 - b2^t) / (1 - b1^t)

    The paper's Algorithm 2 has no c_t (`bias_correction=False`); its authors' code and
    TensorFlow Addons have it. The L1 and L2 penalties that TensorFlow Addons builds in are
    Keras' regularizers, and `ProximalAdagrad` has them as proximal steps.

    Args:
        learning_rate: The rate a: a number of at least 0, a `LearningRateSchedule`, or a function
            without arguments. Defaults to 0.01, ten times Adam's, as the paper advises.
        beta_1: b1, in [0, 1). Defaults to 0.9.
        beta_2: b2, in [0, 1). Defaults to 0.999.
        epsilon: Above 0; in the units of the gradient. Defaults to 1e-3.
        initial_accumulator_value: What s starts from, at least 0; in squared units of the
            gradient. Defaults to 1e-6.
        bias_correction: False leaves c_t out. Defaults to True.
        **kwargs: What every optimizer takes: `weight_decay`, `weight_decay_form` (`"decoupled"`,
            beside the step, or `"coupled"`, in the gradient), `clipnorm`, `clipvalue`,
            `global_clipnorm`, `use_ema`, `ema_momentum`, `ema_overwrite_frequency`,
            `loss_scale_factor`, `gradient_accumulation_steps`, `name`.

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    >>> import keras
    >>> from keras_trainkit.optimizers import Yogi
    >>> weight = keras.Variable(1.0)
    >>> optimizer = Yogi(learning_rate=0.25)
    >>> optimizer.apply([weight * 1000.0], [weight])
    >>> round(float(weight), 4)
    0.75

    Source: Zaheer, Reddi, Sachan, Kale, Kumar, "Adaptive methods for nonconvex optimization"
    (2018), Algorithm 2.
    """

    slots = ("first_moment", "second_moment")

    def __init__(
        self,
        learning_rate: Any = 0.01,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-3,
        initial_accumulator_value: float = 1e-6,
        bias_correction: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.beta_1 = number(self, "beta_1", beta_1, minimum=0.0, below=1.0)
        self.beta_2 = number(self, "beta_2", beta_2, minimum=0.0, below=1.0)
        self.epsilon = number(self, "epsilon", epsilon, above=0.0)
        self.initial_accumulator_value = number(
            self, "initial_accumulator_value", initial_accumulator_value, minimum=0.0
        )
        self.bias_correction = boolean(self, "bias_correction", bias_correction)

    def initial(self, slot: str, variable: Any) -> Any:
        """The second moment's start."""
        return self.initial_accumulator_value if slot == "second_moment" else 0.0

    def scalars(self, a: Any, t: Any) -> tuple[Any, ...]:
        """The rate, corrected."""
        if not self.bias_correction:
            return (a,)
        return (a * filled_share(self.beta_2, t) ** 0.5 / filled_share(self.beta_1, t),)

    def remember(self, g: Any, w: Any, rate: Any, m: Any, s: Any) -> tuple[Any, ...]:
        """The moments."""
        square = ops.square(g)
        return (
            self.beta_1 * m + (1 - self.beta_1) * g,
            s - (1 - self.beta_2) * ops.sign(s - square) * square,
        )

    def step(self, g: Any, w: Any, rate: Any, m: Any, s: Any) -> Any:
        """Along the first moment, by the root of the second."""
        return rate * m / (ops.sqrt(s) + self.epsilon)
