"""ImageNet, from files."""

from __future__ import annotations

from keras_trainkit import layers
from keras_trainkit._core import arguments
from keras_trainkit.optimizers import SGD
from keras_trainkit.presets.image_file_recipe import ImageFileRecipe
from keras_trainkit.presets.recipe import whole_batches
from keras_trainkit.schedules import StepDecay, Warmup, in_epochs, linear_scaling

_MEAN = (123.675, 116.28, 103.53)
_DEVIATION = (58.395, 57.12, 57.375)


def imagenet_resnet(
    num_classes: int = 1000,
    examples: int = 1_281_167,
    epochs: int = 90,
    batch_size: int = 256,
    on_error: str = "raise",
) -> ImageFileRecipe:
    """Residual networks on ImageNet: scale crops, flip, PCA jitter, steps down at 30, 60, 80.

    Images of 224x224 out of files of any size: in training the short side is resized to between
    256 and 480 pixels and a random window taken, at evaluation to 256 and the central one.  The
    rate is 0.1 for a batch of 256 and grows with the batch, linearly; a larger one is approached
    from 0.1 over the first 5 epochs.  Other numbers of epochs stretch the schedule.

    Departs from its sources in two points: the weight decay is decoupled from the gradient (inside
    it 1e-4 acts 1 / (1 - momentum) = 10 times, so 1e-3 stands here for it), and the short side is
    a real number.

    Args:
        num_classes: Default 1000.
        examples: In the training set.
        epochs: Of the training. Default 90.
        batch_size: Default 256.
        on_error: `"raise"` or `"skip"`: what a file does that cannot be read.

    Returns:
        An `ImageFileRecipe`; its normalisation is ImageNet's, `adapt` replaces it.

    Raises:
        ValueError: for numbers out of range, or fewer examples than a batch.

    Example:

    >>> from keras_trainkit import presets
    >>> recipe = presets.imagenet_resnet()
    >>> print(recipe.augmentation.plan())
    4 operations in 2 passes
      1. rows, then columns, by the triangle filter: RandomScaleCrop, RandomFlip
      2. one pass over the pixels: colour matrix: PCAColorJitter; normalisation: Normalization
    >>> train = recipe.train_dataset("imagenet/train")  # doctest: +SKIP

    Source: He et al. 2016, "Deep residual learning for image recognition", section 3.4, for the
    images, the momentum and the decay; Goyal et al. 2017, "Accurate, large minibatch SGD",
    sections 2 and 5.1, for the rate.
    """
    owner = "imagenet_resnet"
    num_classes = arguments.integer(owner, "num_classes", num_classes, 2)
    steps = whole_batches(owner, examples, batch_size)
    epochs = arguments.integer(owner, "epochs", epochs, 1)
    rate = linear_scaling(0.1, batch_size, 256)
    boundaries = in_epochs([epochs / 3, epochs * 2 / 3, epochs * 8 / 9], steps)
    schedule = Warmup(
        StepDecay(rate, boundaries),
        steps=max(1, in_epochs(epochs / 18, steps)),
        start=min(rate, 0.1),
    )
    return ImageFileRecipe(
        crop=layers.Pipeline(
            [layers.RandomScaleCrop(224, (256, 480)), layers.RandomFlip("horizontal")]
        ),
        pipeline=layers.Pipeline(
            [
                layers.PCAColorJitter(0.1),
                layers.Normalization(_MEAN, tuple(deviation**2 for deviation in _DEVIATION)),
            ]
        ),
        schedule=schedule,
        optimizer=SGD(schedule, momentum=0.9, weight_decay=1e-3),
        loss="sparse_categorical_crossentropy",
        epochs=epochs,
        batch_size=int(batch_size),
        steps_per_epoch=steps,
        num_classes=num_classes,
        on_error=on_error,
    )
