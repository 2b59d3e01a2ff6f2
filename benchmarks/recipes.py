"""Every preset, with random data of the kind that it reads."""

import inspect
from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_trainkit import presets

EXAMPLES, CLASSES, BATCH = 512, 10, 64


def names():
    """The room's functions: a new preset is measured without being listed here."""
    return [name for name in presets.__all__ if inspect.isfunction(getattr(presets, name))]


def prepared(name, folder):
    """The preset's recipe and its data; `folder` is where a preset that reads files finds them."""
    told = {"num_classes": CLASSES, "examples": EXAMPLES, "batch_size": BATCH}
    preset = getattr(presets, name)
    taken = inspect.signature(preset).parameters
    recipe = preset(**{key: value for key, value in told.items() if key in taken})
    rng = np.random.default_rng(0)
    if "on_error" in taken:
        write_files(folder, rng)
        return recipe, str(folder)
    images = rng.integers(0, 256, (EXAMPLES, 32, 32, 3), dtype=np.uint8)
    recipe.adapt(images)
    return recipe, (images, np.arange(EXAMPLES) % CLASSES)


def write_files(folder, rng):
    """JPEG files of 320x256, a folder for each class."""
    for index in range(EXAMPLES):
        place = Path(folder) / f"class {index % CLASSES}"
        place.mkdir(exist_ok=True)
        pixels = rng.integers(0, 256, (8, 10, 3), dtype=np.uint8).repeat(32, 0).repeat(32, 1)
        tf.io.write_file(str(place / f"{index}.jpg"), tf.io.encode_jpeg(pixels))
