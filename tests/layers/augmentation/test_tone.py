"""Tone curves against Pillow and against the formulas in NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from augmentation_regimes import with_parameters
from PIL import Image, ImageOps

from keras_trainkit import layers
from keras_trainkit.layers.augmentation.algebra import curves

pytestmark = pytest.mark.usefixtures("uncompiled")

APPLIED = {"applied": True}
DIM = np.random.default_rng(3).normal((90, 110, 140), (9, 20, 30), (40, 50, 3))
DIM = np.clip(np.rint(DIM), 0, 255).astype("uint8")

# a layer, what it draws, and Pillow's operation
PILLOW = {
    "equalize": (layers.Equalization(), {}, ImageOps.equalize),
    "invert": (layers.RandomInvert(), {}, ImageOps.invert),
    "posterize 1": (layers.RandomPosterization(8), {"bits": 1}, lambda i: ImageOps.posterize(i, 1)),
    "posterize 5": (layers.RandomPosterization(8), {"bits": 5}, lambda i: ImageOps.posterize(i, 5)),
    "posterize 8": (layers.RandomPosterization(8), {"bits": 8}, lambda i: ImageOps.posterize(i, 8)),
    "solarize": (
        layers.Solarization(),
        {"addition": 0.0, "threshold": 110 / 255},
        lambda i: ImageOps.solarize(i, 110),
    ),
}


@pytest.mark.parametrize("name", PILLOW)
def test_pillow_makes_the_same_of_it(name, photo):
    layer, drawn, operation = PILLOW[name]
    for image in (photo, DIM):
        result = with_parameters(layer, image[None], APPLIED | drawn)[0]
        assert result.dtype == np.uint8
        assert np.array_equal(result, operation(Image.fromarray(image)))


def test_automatic_contrast_is_pillows_to_a_level(photo):
    """Where the quotient is whole Pillow's floats may fall short of it, and round down."""
    for image in (photo, DIM, photo // 3):
        expected = np.asarray(ImageOps.autocontrast(Image.fromarray(image)), int)
        exact = image.astype(int) - image.min((0, 1))
        exact = exact * 255 // np.ptp(image, (0, 1)).astype(int)
        result = layers.AutoContrast()(image).numpy()
        assert np.array_equal(result, exact)
        assert set(np.unique(result - expected)) <= {0, 1}
        stretched = keras.layers.AutoContrast()(image.astype("float32")).numpy()
        assert np.abs(result - stretched).max() <= 1


def test_channels_without_contrast_stay():
    flat = np.broadcast_to(np.array([0, 77, 255], "uint8"), (20, 30, 3))
    for layer in (layers.Equalization(), layers.AutoContrast()):
        assert np.array_equal(layer(flat), flat)


def test_equalize_needs_more_pixels_than_levels():
    few = np.random.default_rng(0).integers(0, 90, (15, 17, 1)).astype("uint8")  # 255 pixels
    assert np.array_equal(layers.Equalization()(few), few)
    assert np.array_equal(ImageOps.equalize(Image.fromarray(few[..., 0])), few[..., 0])


@pytest.mark.parametrize("exponent", [0.4, 1.0, 2.2])
def test_gamma_is_a_power(photo, exponent):
    layer = layers.RandomGamma(3.0)
    result = with_parameters(layer, photo[None], APPLIED | {"exponent": np.float32(exponent)})[0]
    expected = 255 * (photo / 255) ** np.float32(exponent)
    assert np.array_equal(result, np.rint(expected))


def test_gamma_darkens_as_often_as_it_lightens():
    exponents = layers.RandomGamma(4.0).parameters(n=4000)["RandomGamma"]["exponent"]
    assert 0.25 <= exponents.min() < 0.26
    assert 3.9 < exponents.max() <= 4.0
    np.testing.assert_allclose(
        np.log2(np.quantile(exponents, [0.25, 0.5, 0.75])), [-1, 0, 1], atol=0.1
    )
    exponents = layers.RandomGamma((1.0, 2.0)).parameters(n=200)["RandomGamma"]["exponent"]
    assert 1 <= exponents.min() < exponents.max() <= 2


def test_solarization_adds_then_folds(photo):
    layer = layers.Solarization(1.0, 1.0)
    drawn = APPLIED | {"addition": 40 / 255, "threshold": 0.6}
    result = with_parameters(layer, photo[None], drawn)[0]
    raised = np.minimum(photo.astype(int) + 40, 255)
    assert np.array_equal(result, np.where(raised < 0.6 * 255, raised, 255 - raised))


def test_solarization_is_keras_where_nothing_is_drawn(photo):
    floats = photo.astype("float32")
    assert np.array_equal(layers.Solarization()(floats), keras.layers.Solarization()(floats))


def test_both_ends_of_the_bits_are_drawn():
    """Keras' layer never draws the upper one."""
    bits = layers.RandomPosterization((2, 4)).parameters(n=3000)["RandomPosterization"]["bits"]
    np.testing.assert_allclose(np.bincount(bits) / 3000, [0, 0, 1 / 3, 1 / 3, 1 / 3], atol=0.03)


@pytest.mark.parametrize(("factor", "p"), [(0.3, 1.0), ((0.2, 0.8), 1.0), (0.5, 0.4), (1.0, 1.0)])
def test_a_factor_of_chance_is_a_probability(factor, p):
    share = factor if isinstance(factor, float) else sum(factor) / 2
    black = np.zeros((4000, 1, 1, 3), "uint8")
    inverted = layers.RandomInvert(factor, p=p)(black).numpy()[:, 0, 0, 0] == 255
    assert inverted.mean() == pytest.approx(share * p, abs=0.03)


def chain():
    return [
        layers.RandomPosterization((2, 6), p=0.5),
        layers.Equalization(p=0.6),
        layers.RandomGamma(2.0, p=0.5),
        layers.Solarization(0.3, 0.9, p=0.5),
        layers.AutoContrast(p=0.6),
        layers.RandomInvert(0.5),
        layers.Equalization(p=0.5),
    ]


def test_a_run_is_one_pass_and_the_same_to_the_bit(photo):
    """Curves compose clipped and rounded, and the histogram is carried through them."""
    images = np.stack([photo, np.flip(photo, 2), photo // 2, 255 - photo // 3])
    fused, unfused = (layers.Pipeline(chain(), fuse=fuse, seed=5) for fuse in (True, False))
    assert len(fused.plan().passes) == 1
    assert "tone curve: RandomPosterization, Equalization" in str(fused.plan())
    assert len(unfused.plan().passes) == 7
    for _ in range(3):
        result = fused(images).numpy()
        assert np.array_equal(result, unfused(images))
        assert not np.array_equal(result, images)


@pytest.mark.parametrize("value_range", [(0, 1), (-1, 1), (16, 235)], ids=str)
def test_any_range_of_values_has_256_levels(photo, value_range):
    low, high = value_range
    fused = layers.Pipeline(chain(), seed=5)
    images = np.stack([photo, photo // 2, 255 - photo // 3])
    values = (low + images / 255 * (high - low)).astype("float32")
    result = layers.Pipeline(chain(), seed=5, value_range=value_range)(values).numpy()
    expected = low + fused(images).numpy() / 255 * (high - low)
    np.testing.assert_allclose(result, expected, atol=1e-6 * max(map(abs, value_range)))
    assert result.min() >= low
    assert result.max() <= high


def test_only_images_that_are_acted_on_are_rounded(photo):
    values = np.random.default_rng(0).uniform(-20, 280, (40, 5, 6, 3)).astype("float32")
    layer = layers.RandomPosterization(8, p=0.5, seed=1)  # 8 bits change no level
    result = layer(values).numpy()
    rounded = np.clip(np.rint(values), 0, 255)
    acted = layer.plan().draw(tf.constant([1, 0], tf.uint32), tf.range(40))[0]["applied"].numpy()
    assert 0 < acted.sum() < 40
    assert np.array_equal(result, np.where(acted[:, None, None, None], rounded, values))


def test_alpha_and_nan_are_left_alone(photo):
    image = np.concatenate([photo, photo[..., :1] // 2], 2)
    values = image.astype("float32")
    values[3, 4, 1] = np.nan
    for layer in (layers.RandomInvert(), layers.Solarization(), layers.AutoContrast()):
        result = layer(image).numpy()
        assert np.array_equal(result[..., 3], image[..., 3])
        assert np.array_equal(result[..., :3], layer(photo))
        result = layer(values).numpy()
        assert np.array_equal(result[..., 3], values[..., 3])
        assert np.array_equal(np.isnan(result), np.isnan(values))


def test_what_is_certain_acts_at_evaluation(photo):
    photo = photo // 2
    for cls in (layers.Equalization, layers.AutoContrast):
        changed = cls()(photo, training=True)
        assert not np.array_equal(changed, photo)
        assert np.array_equal(cls()(photo, training=False), changed)
        pipeline = layers.Pipeline([layers.RandomInvert(), cls()])
        assert np.array_equal(pipeline(photo, training=False), changed)
        assert np.array_equal(cls(p=0.9)(photo, training=False), photo)


def test_behind_a_gate_it_is_chance_like_the_rest(photo):
    choice = layers.RandomChoice([layers.Equalization(), layers.RandomInvert()], seed=3)
    assert np.array_equal(choice(photo, training=False), photo)
    results = choice(np.stack([photo] * 40)).numpy()
    equalized = (results == layers.Equalization()(photo).numpy()).all((1, 2, 3))
    inverted = (results == 255 - photo).all((1, 2, 3))
    assert (equalized ^ inverted).all()
    assert 8 <= equalized.sum() <= 32


@pytest.mark.parametrize("shape", [(3, 7, 5, 1), (2, 256, 300, 3), (1, 211, 200, 4)], ids=str)
def test_histograms_count_every_pixel(shape):
    levels = np.random.default_rng(0).integers(0, 256, shape).astype("uint8")
    counts = curves.histograms(tf.constant(levels)).numpy()
    for image, counted in zip(levels, counts, strict=True):
        expected = [np.bincount(plane.ravel(), minlength=256) for plane in np.moveaxis(image, 2, 0)]
        assert np.array_equal(counted, expected)


def test_a_histogram_is_carried_as_the_pixels_are():
    levels = np.random.default_rng(0).integers(0, 256, (2, 30, 20, 3)).astype("uint8")
    table = np.random.default_rng(1).integers(0, 256, (2, 3, 256)).astype("int32")
    moved = curves.apply(tf.constant(levels), tf.constant(table))
    carried = curves.carry(curves.histograms(tf.constant(levels)), tf.constant(table))
    assert np.array_equal(carried, curves.histograms(moved))
