"""The kernels of XLA against the slow oracles, on three shapes."""

import numpy as np
import pytest
from augmentation_regimes import with_parameters
from oracles import augmentation as oracle

from keras_trainkit import layers

SIZES = pytest.mark.parametrize("size", [(1, 1), (8, 8), (13, 5)], ids=str)
RNG = np.random.default_rng(6)
APPLIED = {"applied": True}


@SIZES
def test_a_warp(size):
    images = RNG.uniform(0, 255, (2, *size, 3)).astype("float32")
    layer = layers.RandomRotation(1.0, fill_mode="wrap")
    result = with_parameters(layer, images, APPLIED | {"angle": 0.13})
    for ours, image in zip(result, images, strict=True):
        expected = oracle.warp(image, oracle.rotation(size, 0.13), "wrap")
        np.testing.assert_allclose(ours, expected, atol=0.05)


@SIZES
def test_a_triangle_filter(size):
    images = RNG.uniform(0, 255, (2, *size, 3)).astype("float32")
    layer = layers.RandomZoom((-0.5, 1), (-0.5, 1), fill_mode="constant", fill_value=9)
    result = with_parameters(layer, images, APPLIED | {"height": 1.6, "width": 0.7})
    for ours, image in zip(result, images, strict=True):
        expected = oracle.axis_zoom(image, 1.6, 0.7, "constant", 9)
        np.testing.assert_allclose(ours, expected, atol=0.01)


@SIZES
def test_whole_pixels_colours_and_masks(size):
    images = RNG.integers(0, 256, (2, *size, 3)).astype("uint8")
    crop = layers.RandomCrop(5, 4, padding=4)
    members = [crop, layers.RandomFlip(), layers.RandomContrast(1.0), layers.Cutout(2)]
    result = with_parameters(
        layers.Pipeline(members, fill_mode="nearest"),
        images,
        APPLIED | {"top": 0.5, "left": 0.25},
        {"vertical": False, "horizontal": True},
        APPLIED | {"factor": 0.4},
        APPLIED | {"y": 0.7, "x": 0.3},
    )
    for ours, image in zip(result, images, strict=True):
        top, left = int(0.5 * (size[0] + 4)), int(0.25 * (size[1] + 5))
        expected = oracle.pad_and_crop(image, 4, top, left, 5, 4, "nearest")[:, ::-1]
        expected = np.rint(oracle.contrast(expected.astype("float64"), 0.4))
        expected[oracle.box((5, 4), 3, 1, 2, 2)] = 0
        assert np.abs(ours - expected).max() <= 1
