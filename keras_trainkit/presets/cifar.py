"""CIFAR-10 and CIFAR-100."""

from __future__ import annotations

from keras_trainkit import layers
from keras_trainkit._core import arguments
from keras_trainkit.optimizers import SGD
from keras_trainkit.presets.recipe import Recipe, whole_batches
from keras_trainkit.schedules import StepDecay, in_epochs, linear_scaling

_MEAN = (125.3, 123.0, 113.9)
_DEVIATION = (63.0, 62.1, 66.7)


def cifar(
    num_classes: int = 10, examples: int = 50_000, epochs: int = 200, batch_size: int = 128
) -> Recipe:
    """Residual networks on CIFAR: pad and crop, flip, cutout, steps down at 30, 60 and 80%.

    Departs from its source in one point: the weight decay is decoupled from the gradient. Inside
    the gradient 5e-4 acts 1 / (1 - momentum) = 10 times, so 5e-3 stands here for it. There is no
    mixing, so labels stay class ids and the loss is the sparse one.

    Args:
        num_classes: 10, or 100 (which DeVries & Taylor give a cutout of 8 instead of 16).
        examples: In the training set.
        epochs: Of the training. Default 200.
        batch_size: Default 128; the rate of 0.1 grows with it, linearly.

    Returns:
        A `Recipe`; its normalisation is CIFAR-10's, `adapt` replaces it.

    Raises:
        ValueError: for numbers out of range, or fewer examples than a batch.

    Example:

    >>> from keras_trainkit import presets
    >>> recipe = presets.cifar()
    >>> print(recipe.pipeline.plan())
    4 operations in 2 passes
      1. one move of whole pixels, border constant: RandomCrop, RandomFlip
      2. one pass over the pixels: mask: Cutout; normalisation: Normalization

    Source: DeVries & Taylor 2017, section 4.1, on the training of Zagoruyko & Komodakis 2016;
    Goyal et al. 2017 for the rate of other batch sizes.
    """
    owner = "cifar"
    arguments.integer(owner, "num_classes", num_classes, 2)
    steps = whole_batches(owner, examples, batch_size)
    epochs = arguments.integer(owner, "epochs", epochs, 1)
    pipeline = layers.Pipeline(
        [
            layers.RandomCrop(32, 32, padding=4),
            layers.RandomFlip("horizontal"),
            layers.Cutout(16 if num_classes <= 10 else 8),
            layers.Normalization(_MEAN, tuple(deviation**2 for deviation in _DEVIATION)),
        ],
        fill_mode="constant",
    )
    boundaries = in_epochs([0.3 * epochs, 0.6 * epochs, 0.8 * epochs], steps)
    schedule = StepDecay(linear_scaling(0.1, batch_size, 128), boundaries, factor=0.2)
    return Recipe(
        pipeline=pipeline,
        schedule=schedule,
        optimizer=SGD(schedule, momentum=0.9, nesterov=True, weight_decay=5e-3),
        loss="sparse_categorical_crossentropy",
        epochs=epochs,
        batch_size=int(batch_size),
        steps_per_epoch=steps,
    )
