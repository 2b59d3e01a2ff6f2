"""Windows of any size brought to one size, against Pillow's resize of the same window."""

import keras
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


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("size", [(64, 96), (20, 20), (100, 30)], ids=str)
def test_resizing_is_pillows(photo, size, training):
    image = photo.astype("float32")
    result = layers.Resizing(*size)(image, training=training)
    expected = oracle.resized(image, size)
    np.testing.assert_allclose(result, expected, atol=0.05)
    assert np.array_equal(result, image) or oracle.psnr(result, expected) > 85


def test_resizing_is_tensorflows(photo):
    expected = tf.image.resize(photo, (40, 51), antialias=True)
    result = layers.Resizing(40, 51)(photo.astype("float32"))
    np.testing.assert_allclose(result, expected, atol=0.05)


def test_resizing_by_cropping(photo):
    image = photo.astype("float32")
    for size, box in (((20, 20), (0, 16, 64, 64)), ((20, 40), (8, 0, 48, 96))):
        result = layers.Resizing(*size, crop_to_aspect_ratio=True)(image)
        np.testing.assert_allclose(result, oracle.resized(image, size, box), atol=0.05)


def test_resizing_by_padding(photo):
    image = photo.astype("float32")
    layer = layers.Resizing(24, 24, pad_to_aspect_ratio=True, fill_mode="constant", fill_value=9)
    framed = np.pad(image, ((16, 16), (0, 0), (0, 0)), constant_values=9)
    np.testing.assert_allclose(layer(image), oracle.resized(framed, (24, 24)), atol=0.05)
    nothing = layers.Resizing(64, 96, pad_to_aspect_ratio=True)
    assert np.array_equal(nothing(photo), photo)


def test_evaluation_of_imagenet_is_one_resampling(photo):
    evaluation = layers.Pipeline(
        [layers.Resizing(40, 40, crop_to_aspect_ratio=True), layers.CenterCrop(35, 35)]
    )
    assert len(evaluation.plan(training=False).passes) == 1
    image = photo.astype("float32")
    expected = oracle.resized(image, (40, 60))[2:37, 12:47]
    for training in (True, False):
        np.testing.assert_allclose(evaluation(image, training=training), expected, atol=0.05)


@pytest.mark.parametrize("window", [(64, 96), (7, 5), (1, 1), (63, 2)], ids=str)
def test_a_center_crop_is_kerass(photo, window):
    ours, theirs = layers.CenterCrop(*window), keras.layers.CenterCrop(*window)
    assert np.array_equal(ours(photo), theirs(photo))


def test_a_center_crop_wants_images_that_are_large_enough(photo):
    for training in (True, False):
        with pytest.raises(ValueError, match=r"`height` must be .* image's height, 64, got 65"):
            layers.CenterCrop(65, 2)(photo, training=training)


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
        (lambda: layers.CenterCrop(8, 8, p=0.5), "`p` must be 1, since there is no chance"),
        (lambda: layers.Resizing(8, 0), "`width` must be a whole number of at least 1"),
        (lambda: layers.Resizing(8, 8, True, True), "`pad_to_aspect_ratio` must be False where"),
    ],
)
def test_refusals(build, sentence):
    with pytest.raises(ValueError, match=sentence):
        build()
