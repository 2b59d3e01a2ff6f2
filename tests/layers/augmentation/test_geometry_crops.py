"""Windows of any size brought to one size, against Pillow's resize of the same window."""

import numpy as np
import pytest
import tensorflow as tf
from augmentation_regimes import with_parameters
from oracles import augmentation as oracle

from keras_trainkit import layers
from keras_trainkit._core.draws import key_from_integer

pytestmark = pytest.mark.usefixtures("uncompiled")

APPLIED = {"applied": True}
LAST = 1 - 2**-24


def resized_window(size, area, aspect, top, left, scale_of=(3 / 4, 4 / 3)):
    """The window (top, left, height, width) that these shares stand for, in slow floats."""
    height, width = size
    area = area * height * width
    low, high = (
        min(max(bound, scale_of[0]), scale_of[1]) for bound in (area / height**2, width**2 / area)
    )
    ratio = low ** (1 - aspect) * high**aspect
    tall, wide = np.sqrt(area / ratio), np.sqrt(area * ratio)
    fit = min(1, height / tall, width / wide)
    tall, wide = tall * fit, wide * fit
    return top * (height - tall), left * (width - wide), tall, wide


@pytest.mark.parametrize(
    "drawn",
    [
        {"area": 1.0, "aspect": 0.5, "top": 0.3, "left": 0.9},
        {"area": 0.71, "aspect": 0.1, "top": 0.0, "left": 0.0},
        {"area": 0.4, "aspect": LAST, "top": LAST, "left": LAST},
        {"area": 0.1, "aspect": 0.6, "top": 0.2, "left": 0.7},
    ],
    ids=lambda drawn: str(drawn["area"]),
)
@pytest.mark.parametrize("size", [(24, 40), (64, 96), (90, 31)], ids=str)
def test_a_resized_crop_is_pillows_resize_of_the_window(photo, size, drawn):
    image = photo.astype("float32")
    layer = layers.RandomResizedCrop(*size)
    result = with_parameters(layer, image[None], APPLIED | drawn)[0]
    expected = oracle.resized(image, size, resized_window(image.shape[:2], **drawn))
    np.testing.assert_allclose(result, expected, atol=0.05)
    assert oracle.psnr(result, expected) > 85


@pytest.mark.parametrize("fill_mode", ["constant", "wrap"])
def test_nothing_from_beyond_the_border_gets_into_a_window(photo, fill_mode):
    white = np.full_like(photo, 255)
    for cls, *arguments in (
        (layers.RandomResizedCrop, 20, 30),
        (layers.RandomScaleCrop, 20, (20, 90)),
    ):
        plain, bordered = (
            cls(*arguments, seed=1, fill_mode=mode) for mode in ("reflect", fill_mode)
        )
        assert np.array_equal(plain(photo), bordered(photo))
        assert np.all(bordered(white) == 255)


@pytest.mark.parametrize("short_side", [24.0, 40.0, 63.3, 128.0])
def test_a_scale_crop_is_pillows_resize_of_the_window(photo, short_side):
    image = photo.astype("float32")
    layer = layers.RandomScaleCrop((16, 24), (24, 128))
    drawn = {"short_side": short_side, "top": 0.2, "left": LAST}
    result = with_parameters(layer, image[None], APPLIED | drawn)[0]
    scale = 64 / short_side
    box = 0.2 * (64 - 16 * scale), 96 - 24 * scale, 16 * scale, 24 * scale
    np.testing.assert_allclose(result, oracle.resized(image, (16, 24), box), atol=0.05)


def test_without_chance_a_resized_crop_is_the_largest_central_window(photo):
    image = photo.astype("float32")
    layer = layers.RandomResizedCrop(32, 32)
    expected = oracle.resized(image, (32, 32), (0, 16, 64, 64))
    np.testing.assert_allclose(layer(image, training=False), expected, atol=0.05)
    np.testing.assert_allclose(layers.RandomResizedCrop(32, 32, p=0.0)(image), expected, atol=0.05)
    tall = layers.RandomResizedCrop(40, 20)(image, training=False)
    np.testing.assert_allclose(tall, oracle.resized(image, (40, 20), (0, 32, 64, 32)), atol=0.05)


def test_without_chance_a_scale_crop_is_the_central_window_at_the_smallest_scale(photo):
    image = photo.astype("float32")
    layer = layers.RandomScaleCrop(28, (32, 64))
    expected = oracle.resized(image, (32, 48))[2:30, 10:38]
    np.testing.assert_allclose(layer(image, training=False), expected, atol=0.05)


def test_a_crop_a_flip_and_a_crop_are_one_resampling(photo):
    image = photo.astype("float32")
    pipeline = layers.Pipeline(
        [layers.RandomResizedCrop(24, 24), layers.RandomFlip(), layers.RandomCrop(20, 18)]
    )
    assert len(pipeline.plan().passes) == 1
    drawn = {"area": 0.5, "aspect": 0.4, "top": 0.3, "left": 0.8}
    flips, cut = {"vertical": True, "horizontal": True}, {"top": 0.0, "left": LAST}
    result = with_parameters(pipeline, image[None], APPLIED | drawn, flips, APPLIED | cut)[0]
    whole = oracle.resized(image, (24, 24), resized_window(image.shape[:2], **drawn))
    np.testing.assert_allclose(result, whole[::-1, ::-1][:20, 6:], atol=0.05)


def windows(layer, size, n):
    """(top, left, height, width) of n draws, each (n,)."""
    drawn = layer.plan().draw(key_from_integer(5), tf.range(n))[0]
    drawn = {name: value for name, value in drawn.items() if name != "applied"}
    maps = layer.element(size, **drawn).numpy().astype("float64")
    extents = maps[:, [0, 1], [0, 1]] * layer.output_size(size)
    edges = maps[:, :, 2] + 0.5 - maps[:, [0, 1], [0, 1]] / 2
    return (*edges.T, *extents.T)


@pytest.mark.parametrize("size", [(300, 400), (400, 300), (100, 1000)], ids=str)
def test_windows_fit_and_their_areas_and_shapes_are_spread_as_promised(size):
    layer = layers.RandomResizedCrop(224, 200)
    top, left, height, width = windows(layer, size, 20_000)
    for edge, extent, length in ((top, height, size[0]), (left, width, size[1])):
        assert edge.min() >= -1e-3
        assert (edge + extent).max() <= length + 1e-3
        # given the extent, every place that there is room for is equally likely
        share = (edge / (length - extent + 1e-9))[length - extent > 1]
        np.testing.assert_allclose(np.quantile(share, [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.03)
    ratio = width / height
    assert ratio.min() >= 3 / 4 - 1e-4
    assert ratio.max() <= 4 / 3 + 1e-4
    area = height * width / (size[0] * size[1])
    if size != (100, 1000):  # there most areas fit with no ratio
        quantiles = np.quantile(area, [0.0, 0.25, 0.5, 0.75, 1.0])
        np.testing.assert_allclose(quantiles, np.linspace(0.08, 1, 5), atol=0.015)
    free = np.log(ratio[area < 0.5])
    if size == (300, 400):
        bounds = np.log([3 / 4, 4 / 3])
        np.testing.assert_allclose(np.quantile(free, [0.0, 1.0]), bounds, atol=0.01)
        assert abs(free.mean()) < 0.01
        # log-uniform: the deviation of a uniform distribution
        assert abs(free.std() - (bounds[1] - bounds[0]) / np.sqrt(12)) < 0.005


def test_scales_and_places_are_uniform():
    layer = layers.RandomScaleCrop(224, (256, 480))
    top, left, height, width = windows(layer, (300, 400), 20_000)
    np.testing.assert_allclose(height, width, rtol=1e-5)
    short_side = 224 * 300 / height
    quantiles = np.quantile(short_side, [0.0, 0.5, 1.0])
    np.testing.assert_allclose(quantiles, [256, 368, 480], atol=3)
    for edge, length in ((top, 300), (left, 400)):
        share = edge / (length - height)
        np.testing.assert_allclose(np.quantile(share, [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.02)


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: layers.RandomResizedCrop(0, 8), "`height` must be a whole number of at least 1"),
        (lambda: layers.RandomResizedCrop(8, 8, scale=(0, 1)), "`scale` must be .* above 0"),
        (lambda: layers.RandomResizedCrop(8, 8, scale=(0.5, 2)), "`scale` must lie between 0"),
        (lambda: layers.RandomResizedCrop(8, 8, ratio=(0, 1)), "`ratio` must be .* above 0"),
        (lambda: layers.RandomScaleCrop(224, (200, 300)), "longer side, 224, or above"),
        (lambda: layers.RandomScaleCrop((8, 9, 9)), "`size` must be a number of pixels or"),
        (lambda: layers.RandomScaleCrop(8, (12, 9)), "low <= high"),
    ],
)
def test_refusals(build, sentence):
    with pytest.raises(ValueError, match=sentence):
        build()
