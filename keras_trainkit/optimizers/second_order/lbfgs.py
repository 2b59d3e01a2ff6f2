"""L-BFGS: the curvature from the last few steps."""

from __future__ import annotations

from typing import Any

from keras import ops

from keras_trainkit._core.arguments import integer
from keras_trainkit._core.registration import register
from keras_trainkit.optimizers.second_order.quasi_newton import QuasiNewton


@register
class LBFGS(QuasiNewton):
    """Full-batch training along the curvature of the last few steps, in plain `model.fit`.

    With the weights x, the gradient g, the last pairs of a step s and the change y of the
    gradient over it, the direction is -H g, where H, an inverse Hessian, is what those pairs tell
    (the two-loop recursion). The length of the step comes from a line search on the slope along
    the direction; Keras hands an optimizer no loss and no closure, and none is needed:

    - One step of `fit` is one evaluation of the gradient. The weights are at a trial; if the slope
      there has lost a tenth of its size, the trial is the next point, otherwise the next trial is
      longer, or between the steps that were too short and too long. Most first trials are taken.
    - `fit` ends at the last accepted point. Callbacks and losses in between see trials. A later
      `fit` goes on from there, after one evaluation at the point itself; so fits of a single step
      lead nowhere (`train_on_batch` does).
    - It must see the same loss at every step: `model.fit(x, y, batch_size=len(x))`, or k pieces of
      it and `gradient_accumulation_steps=k`; no dropout, no random augmentation. On minibatches
      the gradients contradict each other; it counts that, and `fit` ends with a warning: it does
      not transfer well to the mini-batch setting.

    An epoch of one step costs more time than the step. With data that fit into memory, repeat
    them: `model.fit(tf.data.Dataset.from_tensors((x, y)).repeat(), steps_per_epoch=100)`.

    Beside the gradient an evaluation costs about 6 `history` n multiplications, n being the
    number of weights, and the state is (2 `history` + 3) n numbers (one n more with
    accumulation), in float32, or float64 where the weights are. Single precision takes the
    gradient down by a factor of about 10^-7, half precision not far.

    A gradient that is not finite at a trial makes the next trial shorter; at the point of departure
    the step is skipped. `skipped_steps` counts both. Weight decay, clipping, averaging (EMA),
    constraints and several replicas contradict a line search, and are refused.

    Args:
        learning_rate: The first trial of each line search, as a share of the step -H g: above 0.
            Defaults to 1, and there is rarely a reason to change it.
        history: How many pairs are remembered, 3 to 30; at least 1. Defaults to 10.
        **kwargs: `gradient_accumulation_steps`, `loss_scale_factor`, `name`.

    Raises:
        ValueError: If an argument is out of its range or contradicts a line search.

    Example:

    >>> import keras
    >>> import numpy as np
    >>> from keras_trainkit.optimizers import LBFGS
    >>> x = np.linspace(-1, 1, 50, dtype="float32")[:, None]
    >>> model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1)])
    >>> model.compile(LBFGS(), "mse")
    >>> history = model.fit(x, 3 * x + 2, batch_size=50, epochs=12, verbose=0)
    >>> [round(float(w.squeeze()), 4) for w in model.get_weights()]
    [3.0, 2.0]

    Source: Liu and Nocedal, "On the limited memory BFGS method for large scale optimization"
    (1989); the line search: Kafka and Wilke, "Resolving learning rates adaptively by locating
    stochastic non-negative associated gradient projection points using line searches" (2021).
    """

    def __init__(self, learning_rate: Any = 1.0, history: int = 10, **kwargs: Any) -> None:
        super().__init__(learning_rate, **kwargs)
        self.history = integer(self, "history", history, minimum=1)

    def memory(self, size: int) -> dict[str, tuple[int, ...]]:
        """The last pairs, the newest in the last row, and 1 / s.y of each; 0 where none is."""
        rows = self.history
        return {"steps": (rows, size), "changes": (rows, size), "inverses": (rows,)}

    def remember(
        self, memory: dict[str, Any], s: Any, y: Any, pairs: Any, exact: Any
    ) -> dict[str, Any]:
        """A row more at the end, the oldest gone."""
        newest = {"steps": s, "changes": y, "inverses": 1 / ops.sum(s * y)}
        return {name: ops.concatenate([x[1:], newest[name][None]]) for name, x in memory.items()}

    def last_pair(self, memory: dict[str, Any]) -> tuple[Any, Any]:
        """The last row."""
        return memory["steps"][-1], memory["changes"][-1]

    def inverse_times(self, memory: dict[str, Any], g: Any) -> Any:
        """The two-loop recursion."""
        rows = [
            tuple(memory[name][i] for name in ("steps", "changes", "inverses"))
            for i in range(self.history)
        ]
        alphas = []
        for s, y, inverse in reversed(rows):
            alphas.append(inverse * ops.sum(s * g))
            g = g - alphas[-1] * y
        _, y, inverse = rows[-1]
        g = g / (inverse * ops.sum(y * y))
        for (s, y, inverse), alpha in zip(rows, reversed(alphas), strict=True):
            g = g + (alpha - inverse * ops.sum(y * g)) * s
        return g
