"""Recipes: augmentation, optimizer, schedule, callbacks and regularisers that belong together."""

from keras_trainkit.presets.cifar import cifar
from keras_trainkit.presets.image_file_recipe import ImageFileRecipe
from keras_trainkit.presets.imagenet_resnet import imagenet_resnet
from keras_trainkit.presets.recipe import Recipe
from keras_trainkit.presets.small_images import small_images

__all__ = ["ImageFileRecipe", "Recipe", "cifar", "imagenet_resnet", "small_images"]
