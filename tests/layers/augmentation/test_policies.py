"""Policies: their operations are Pillow's, their order is kept, and chance is what papers say."""

import numpy as np
import pytest
import tensorflow as tf
from augmentation_regimes import with_parameters
from PIL import Image, ImageEnhance, ImageOps
from scipy import ndimage

from keras_trainkit import layers
from keras_trainkit.layers.augmentation.kinds import Policy
from keras_trainkit.layers.augmentation.runs.policies import OPERATIONS


class Steps(Policy):
    """The steps that it is given, in place of chance."""

    def __init__(self, *steps, **kwargs):
        super().__init__(**kwargs)
        self.steps = [(OPERATIONS.index(name), amount) for name, amount in steps]

    def sample(self, draw):
        return {}

    def element(self, size, **_):
        return tf.constant([self.steps], tf.float32)


def carried_out(image, *steps, **settings):
    """One image after the steps."""
    drawn = {"applied": True}
    return with_parameters(Steps(*steps, **settings), image[None], drawn)[0]


def affine(image, *entries):
    return image.transform(image.size, Image.Transform.AFFINE, entries, Image.Resampling.BILINEAR)


PILLOW = {
    "ShearX": lambda image, amount: affine(image, 1, amount, 0, 0, 1, 0),
    "ShearY": lambda image, amount: affine(image, 1, 0, 0, amount, 1, 0),
    "TranslateX": lambda image, amount: affine(image, 1, 0, amount, 0, 1, 0),
    "TranslateY": lambda image, amount: affine(image, 1, 0, 0, 0, 1, amount),
    "Rotate": lambda image, amount: image.rotate(amount, Image.Resampling.BILINEAR),
    "Color": lambda image, amount: ImageEnhance.Color(image).enhance(amount),
    "Sharpness": lambda image, amount: ImageEnhance.Sharpness(image).enhance(amount),
    "Brightness": lambda image, amount: ImageEnhance.Brightness(image).enhance(amount),
    "Contrast": lambda image, amount: ImageEnhance.Contrast(image).enhance(amount),
    "Invert": lambda image, _: ImageOps.invert(image),
    "Posterize": lambda image, amount: ImageOps.posterize(image, int(amount)),
    "Solarize": lambda image, amount: ImageOps.solarize(image, amount),
    "AutoContrast": lambda image, _: ImageOps.autocontrast(image),
    "Equalize": lambda image, _: ImageOps.equalize(image),
}
