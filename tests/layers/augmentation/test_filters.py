"""Filters against Pillow and SciPy."""

import numpy as np
import pytest
from augmentation_regimes import with_parameters
from oracles import augmentation as oracle
from PIL import Image, ImageEnhance
from scipy import ndimage

from keras_trainkit import layers

pytestmark = pytest.mark.usefixtures("uncompiled")

APPLIED = {"applied": True}


@pytest.mark.parametrize("factor", [0.0, 0.3, 0.5, 0.95])
def test_sharpness_is_pillows_to_a_level(photo, factor):
    layer = layers.RandomSharpness(1.0)
    drawn = APPLIED | {"factor": np.float32(factor)}
    expected = np.asarray(ImageEnhance.Sharpness(Image.fromarray(photo)).enhance(2 * factor), int)
    result = with_parameters(layer, photo[None], drawn)[0]
    assert np.abs(result - expected).max() <= 1
    assert np.array_equal(result[[0, -1]], photo[[0, -1]])
    assert np.array_equal(result[:, [0, -1]], photo[:, [0, -1]])


@pytest.mark.parametrize("factor", [0.0, 0.8])
def test_sharpness_is_a_convolution(photo, factor):
    image = photo.astype("float32") / 255
    layer = layers.RandomSharpness(1.0, value_range=(0, 1))
    result = with_parameters(layer, image[None], APPLIED | {"factor": np.float32(factor)})[0]
    kernel = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]])[..., None] / 13
    smooth = ndimage.convolve(image.astype("float64"), kernel)
    expected = np.clip(smooth + 2 * factor * (image - smooth), 0, 1)
    np.testing.assert_allclose(result[1:-1, 1:-1], expected[1:-1, 1:-1], atol=1e-6)


@pytest.mark.parametrize("fill_mode", ["reflect", "constant", "nearest", "wrap"])
@pytest.mark.parametrize(
    ("kernel_size", "sigma"),
    [(3, 1.0), (11, 2.5), ((1, 7), 0.7), ((5, 1), 30.0), (3, 0.0)],
    ids=str,
)
def test_a_blur_is_scipys(photo, kernel_size, sigma, fill_mode):
    border = {"fill_mode": fill_mode, "fill_value": 40.0}
    layer = layers.RandomGaussianBlur(kernel_size=kernel_size, sigma=sigma, **border)
    result = layer(photo.astype("float32")).numpy()
    sides = kernel_size if isinstance(kernel_size, tuple) else (kernel_size, kernel_size)
    expected = photo.astype("float64")
    for axis, side in enumerate(sides):
        steps = np.arange(side) - side // 2
        weights = np.exp(-0.5 * (steps / max(sigma, 1e-9)) ** 2)
        mode = oracle.SCIPY_MODES[fill_mode]
        expected = ndimage.correlate1d(expected, weights / weights.sum(), axis, mode=mode, cval=40)
    np.testing.assert_allclose(result, expected, atol=1e-3)


def test_a_wide_kernel_is_the_gaussian(photo):
    result = layers.RandomGaussianBlur(kernel_size=21, sigma=2.0)(photo.astype("float32")).numpy()
    expected = ndimage.gaussian_filter(photo.astype("float64"), (2, 2, 0), mode="reflect")
    np.testing.assert_allclose(result, expected, atol=0.05)


def test_every_image_has_its_own_blur(photo):
    layer = layers.RandomGaussianBlur((0.5, 0.9), 9, (0.5, 2.0), seed=4)
    results = layer(np.stack([photo] * 30)).numpy()
    assert results.dtype == np.uint8
    alone = (results == photo).all((1, 2, 3))
    assert 3 <= alone.sum() <= 15
    blurred = results[~alone]
    assert len(np.unique(blurred.astype("float32").std((1, 2, 3)))) == len(blurred)
    drawn = layer.parameters(n=3000)["RandomGaussianBlur"]
    assert drawn["applied"].mean() == pytest.approx(0.7, abs=0.03)
    np.testing.assert_allclose(np.quantile(drawn["sigma"], [0, 0.5, 1]), [0.5, 1.25, 2], atol=0.05)


def test_images_that_are_left_alone_are_not_clipped():
    images = np.random.default_rng(0).uniform(-50, 300, (20, 6, 7, 3)).astype("float32")
    for layer in (
        layers.RandomSharpness((0.8, 0.9), p=0.5, seed=2),
        layers.RandomGaussianBlur(0.5, seed=2),
    ):
        results = layer(images).numpy()
        alone = (results == images).all((1, 2, 3))
        assert 3 <= alone.sum() <= 17
        assert results[~alone].min() >= 0
        assert results[~alone].max() <= 255


def test_a_filter_is_a_pass_of_its_own():
    plan = str(layers.Pipeline([layers.RandomSharpness(1.0), layers.RandomGaussianBlur()]).plan())
    assert "1. filter: RandomSharpness" in plan
    assert "2. filter, border reflect: RandomGaussianBlur" in plan
