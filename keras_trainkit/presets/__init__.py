"""Recipes: augmentation, optimizer, schedule, callbacks and regularisers that belong together."""

from keras_trainkit.presets.cifar import cifar
from keras_trainkit.presets.recipe import Recipe
from keras_trainkit.presets.small_images import small_images

__all__ = ["Recipe", "cifar", "small_images"]
