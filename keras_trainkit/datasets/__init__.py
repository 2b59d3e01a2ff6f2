"""Labelled images in three parts, as arrays: for the demo, the notebooks and first steps."""

from keras_trainkit.datasets.cifar10 import cifar10
from keras_trainkit.datasets.digits_on_photos import digits_on_photos
from keras_trainkit.datasets.image_folder import image_folder
from keras_trainkit.datasets.splits import Splits

__all__ = ["Splits", "cifar10", "digits_on_photos", "image_folder"]
