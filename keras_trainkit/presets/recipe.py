"""What a recipe is: data, and the four places where it plugs into Keras."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import keras

from keras_trainkit._core import arguments
from keras_trainkit._core.arguments import refuse
from keras_trainkit._core.lazy import tf
from keras_trainkit.callbacks import LearningRateLogger, best_snapshot
from keras_trainkit.layers import Pipeline

_SHUFFLED_AT_ONCE = 10_000


@dataclass(frozen=True, eq=False)
class Recipe:
    """A way to train an image classifier whose last layer is a softmax.

    Not a model: `compile` takes one. Labels are class ids; a pipeline that mixes makes them one-hot
    rows, for training and evaluation alike, and `loss` goes with that.

    Args:
        pipeline: The augmentation, up to normalisation and mixing.
        schedule: Of the learning rate, in steps.
        optimizer: A Keras optimizer with that schedule.
        loss: `"categorical_crossentropy"` where the pipeline mixes, the sparse one elsewhere.
        epochs: For how many epochs the schedule is made.
        batch_size: For which batch size.
        steps_per_epoch: Whole batches in an epoch.
        last_survival_probability: Of the last residual block under stochastic depth, for whoever
            builds the model; see `layers.linear_decay`.

    Example:

    >>> import numpy as np
    >>> from keras_trainkit import presets
    >>> images, labels = np.zeros((128, 32, 32, 3), "uint8"), np.arange(128) % 10
    >>> recipe = presets.small_images(num_classes=10, examples=128, epochs=5)
    >>> recipe.adapt(images)
    >>> batch = next(iter(recipe.train_dataset((images, labels), seed=0)))
    >>> [tuple(part.shape) for part in batch]
    [(64, 32, 32, 3), (64, 10)]

    Source: each preset names its own.
    """

    pipeline: Pipeline
    schedule: keras.optimizers.schedules.LearningRateSchedule
    optimizer: keras.optimizers.Optimizer
    loss: str
    epochs: int
    batch_size: int
    steps_per_epoch: int
    last_survival_probability: float = 1.0

    @property
    def augmentation(self) -> Pipeline:
        """All that happens to an image, in one pipeline."""
        return self.pipeline

    def adapt(self, data: Any, verbose: int = 0) -> None:
        """Fits the pipeline's normalisation and colour components; see `Pipeline.adapt`."""
        self.pipeline.adapt(data, verbose=verbose)

    def train_dataset(self, data: Any, seed: int | None = None) -> Any:
        """Shuffled, batched (whole batches only), augmented, prefetched.

        Args:
            data: `(images, labels)` as arrays, or a `tf.data.Dataset` of single `(image, label)`.
            seed: Of the order and the augmentation; by default drawn afresh.
        """
        single = _single(data)
        known = int(single.cardinality())
        window = known if 0 < known < _SHUFFLED_AT_ONCE else _SHUFFLED_AT_ONCE
        batches = single.shuffle(window, seed=seed).batch(self.batch_size, drop_remainder=True)
        return self.pipeline.map(batches, seed=seed).prefetch(tf.data.AUTOTUNE)

    def eval_dataset(self, data: Any) -> Any:
        """Batched in order and prepared without chance; `data` as in `train_dataset`."""
        batches = _single(data).batch(self.batch_size)
        return self.pipeline.map(batches, training=False).prefetch(tf.data.AUTOTUNE)

    def compile(self, model: keras.Model, **kwargs: Any) -> None:
        """`model.compile` with the recipe's optimizer, loss and accuracy.

        Args:
            model: Its outputs are class probabilities.
            **kwargs: More for `model.compile`, such as `jit_compile`.
        """
        # a copy, so that one recipe can compile several models
        optimizer = type(self.optimizer).from_config(self.optimizer.get_config())
        settings = {"loss": self.loss, "metrics": ["accuracy"], **kwargs}
        model.compile(optimizer=optimizer, **settings)

    def callbacks(self, path: str | os.PathLike[str]) -> list[keras.callbacks.Callback]:
        """The learning rate in the log, and the snapshot of the best epoch at `path`."""
        return [LearningRateLogger(), *best_snapshot(path)]


def whole_batches(owner: str, examples: int, batch_size: int) -> int:
    """How many whole batches the examples make; at least one, or it is refused."""
    batch_size = arguments.integer(owner, "batch_size", batch_size, 1)
    arguments.integer(
        owner, "examples", examples, batch_size, "An epoch needs at least one whole batch."
    )
    return int(examples) // batch_size


def _single(data: Any) -> Any:
    if isinstance(data, tuple | list):
        data = tf.data.Dataset.from_tensor_slices(tuple(data))
    if not isinstance(data, tf.data.Dataset):
        refuse("Recipe", "data", "be (images, labels) or a tf.data.Dataset", type(data).__name__)
    spec = data.element_spec
    if not isinstance(spec, tuple) or len(spec) < 2 or spec[0].shape.rank != 3:
        rule = "hold single images (h, w, c), each with its label"
        refuse("Recipe", "data", rule, spec, "Call `unbatch` on a batched dataset.")
    return data
