"""BFGS: the whole inverse Hessian, learned from gradients."""

from __future__ import annotations

from typing import Any

from keras import ops

from keras_trainkit._core.registration import register
from keras_trainkit.optimizers.second_order.quasi_newton import QuasiNewton

_MOST_WEIGHTS = 10_000  # 400 MB in float32


@register
class BFGS(QuasiNewton):
    """Full-batch training along a learned inverse Hessian, for up to a few thousand weights.

    With a step s, the change y of the gradient over it and r = 1 / s.y:

        H = (I - r s y') H (I - r y s') + r s s'

    a change of rank two, from H = (s.y / y.y) I before the first. That is short in directions not
    seen yet. So, until there are half as many pairs as weights, H is multiplied before the change
    by t = s.H^-1 s / s.y, the share of -H g that would have been the exact step, if it is above 1.

    All else, the line search, the full batch that it needs, `fit` and what is refused, is as for
    `LBFGS`; on logistic regression it needs about half of the evaluations of that, in Rosenbrock's
    valley more.

    Beside the gradient an evaluation costs about 4 n^2 multiplications, n being the number of
    weights, and the state is n^2 + 5 n numbers.

    Args:
        learning_rate: The first trial of each line search, as a share of the step -H g: above 0.
            Defaults to 1.
        **kwargs: `gradient_accumulation_steps`, `loss_scale_factor`, `name`.

    Raises:
        ValueError: If an argument is out of its range or contradicts a line search, or at the
            first step if there are more than 10,000 weights.

    Example:

    >>> import keras
    >>> import numpy as np
    >>> from keras_trainkit.optimizers import BFGS
    >>> x = np.linspace(-1, 1, 50, dtype="float32")[:, None]
    >>> model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1)])
    >>> model.compile(BFGS(), "mse")
    >>> history = model.fit(x, 3 * x + 2, batch_size=50, epochs=12, verbose=0)
    >>> [round(float(w.squeeze()), 4) for w in model.get_weights()]
    [3.0, 2.0]

    Source: Nocedal and Wright, "Numerical optimization" (2006), equations 6.17 and 6.20; the
    multiplication: Al-Baali, "Numerical experience with a class of self-scaling quasi-Newton
    algorithms" (1998).
    """

    def memory(self, size: int) -> dict[str, tuple[int, ...]]:
        """The inverse Hessian, and the last pair."""
        if size > _MOST_WEIGHTS:
            raise ValueError(
                f"`BFGS`: holds a matrix of the number of weights squared, and takes at most "
                f"{_MOST_WEIGHTS:,}, got {size:,}. Use `LBFGS`."
            )
        return {"inverse": (size, size), "last_step": (size,), "last_change": (size,)}

    def remember(
        self, memory: dict[str, Any], s: Any, y: Any, pairs: Any, exact: Any
    ) -> dict[str, Any]:
        """The update of rank two."""
        size, curvature = s.shape[0], ops.sum(s * y)
        scaled_identity = curvature / ops.sum(y * y) * ops.eye(size, dtype=s.dtype)
        stretched = ops.where((2 * pairs <= size) & (exact > 1), exact, 1.0) * memory["inverse"]
        inverse = ops.where(pairs == 1, scaled_identity, stretched)
        t = _product(inverse, y)
        step = s / curvature
        towards = (1 + ops.sum(y * t) / curvature) * s - t
        inverse = inverse + ops.outer(step, towards) - ops.outer(t, step)
        return {"inverse": inverse, "last_step": s, "last_change": y}

    def last_pair(self, memory: dict[str, Any]) -> tuple[Any, Any]:
        """As it was given."""
        return memory["last_step"], memory["last_change"]

    def inverse_times(self, memory: dict[str, Any], g: Any) -> Any:
        """A product."""
        return _product(memory["inverse"], g)


def _product(matrix: Any, vector: Any) -> Any:
    return (matrix @ vector[:, None])[:, 0]  # on torch, `ops.matmul` answers float64 in float32
