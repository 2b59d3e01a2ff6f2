"""Adam that leaves the rows of an embedding alone that a batch does not name."""

from __future__ import annotations

from keras_trainkit._core.registration import register
from keras_trainkit.optimizers.adam import Adam


@register
class LazyAdam(Adam):
    """`Adam`, row by row where the gradient is sparse.

    On TensorFlow the gradient of an embedding is `tf.IndexedSlices`: the rows that a batch has
    named, which are few. Adam makes it dense, lets the moments of all other rows fade, and moves
    them along. Here only the named rows are read and written, moments and weight decay included,
    so that a step costs what the batch costs and not what the vocabulary does. That is another
    method: a row that is seldom named keeps its old momentum until it comes up again. The
    corrections count the steps of training, not those of the row.

    Everywhere else it is `Adam`: for dense gradients, on JAX and torch (where all gradients are
    dense), and with clipping, gradient accumulation or `loss_scale_factor`, which take dense
    gradients. Under `jit_compile` the result is that of the rows, at the cost of the whole.

    Args:
        learning_rate: The rate a: a number of at least 0, a `LearningRateSchedule`, or a function
            without arguments. Defaults to 1e-3.
        beta_1: b1, in [0, 1). Defaults to 0.9.
        beta_2: b2, in [0, 1). Defaults to 0.999.
        epsilon: Above 0; in the units of the gradient; where `Adam` has it. Defaults to 1e-7.
        bias_correction: As of `Adam`. Defaults to True.
        **kwargs: What every optimizer takes: `weight_decay`, `weight_decay_form` (`"decoupled"`,
            beside the step, or `"coupled"`, in the gradient), `clipnorm`, `clipvalue`,
            `global_clipnorm`, `use_ema`, `ema_momentum`, `ema_overwrite_frequency`,
            `loss_scale_factor`, `gradient_accumulation_steps`, `name`.

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    >>> import keras
    >>> from keras_trainkit.optimizers import LazyAdam
    >>> model = keras.Sequential([keras.layers.Embedding(1000, 8), keras.layers.Dense(1)])
    >>> model.compile(LazyAdam(1e-3), "mse")

    Source: the class of that name in TensorFlow Addons; Kingma and Ba, "Adam: a method for
    stochastic optimization" (2015).
    """

    by_rows = True
