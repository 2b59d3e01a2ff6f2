"""Colours against the formulas in float64 NumPy, and against Pillow."""

import numpy as np
import pytest
from augmentation_regimes import with_parameters
from oracles import augmentation as oracle
from PIL import Image, ImageEnhance

from keras_trainkit import layers

pytestmark = pytest.mark.usefixtures("uncompiled")

IMAGE = np.random.default_rng(5).uniform(0, 255, (6, 7, 3)).astype("float32")
APPLIED = {"applied": True}

# a layer, its parameters, the formula and what it takes
MAPS = {
    "brighter": (layers.RandomBrightness, {"factor": 1}, {"delta": 0.2}, oracle.brightness, 0.2),
    "darker": (layers.RandomBrightness, {"factor": 1}, {"delta": -0.3}, oracle.brightness, -0.3),
    "more contrast": (layers.RandomContrast, {"factor": 1}, {"factor": 1.6}, oracle.contrast, 1.6),
    "less contrast": (layers.RandomContrast, {"factor": 1}, {"factor": 0.3}, oracle.contrast, 0.3),
    "more vivid": (layers.RandomSaturation, {"factor": 1}, {"factor": 0.7}, oracle.saturation, 0.7),
    "paler": (layers.RandomSaturation, {"factor": 1}, {"factor": 0.2}, oracle.saturation, 0.2),
    "grey": (layers.RandomSaturation, {"factor": 1}, {"factor": 0.0}, oracle.saturation, 0.0),
    "hue": (layers.RandomHue, {"factor": 1}, {"factor": 0.31}, oracle.hue, 0.31),
    "hue back": (layers.RandomHue, {"factor": 1}, {"factor": -0.8}, oracle.hue, -0.8),
}
FOR_GREY = ("brighter", "darker", "more contrast", "less contrast")


@pytest.mark.parametrize("name", MAPS)
def test_each_map_is_its_formula_clipped(name):
    cls, arguments, parameters, formula, value = MAPS[name]
    result = with_parameters(cls(**arguments), IMAGE[None], APPLIED | parameters)[0]
    expected = np.clip(formula(IMAGE.astype("float64"), value), 0, 255)
    np.testing.assert_allclose(result, expected, atol=2e-3)


@pytest.mark.parametrize("value_range", [(0, 1), (-1, 1), (16, 235)], ids=str)
@pytest.mark.parametrize("name", MAPS)
def test_any_range_of_values(name, value_range):
    cls, arguments, parameters, formula, value = MAPS[name]
    low, high = value_range
    image = (low + IMAGE / 255 * (high - low)).astype("float32")
    layer = cls(**arguments, value_range=value_range)
    result = with_parameters(layer, image[None], APPLIED | parameters)[0]
    extra = {"unit": high - low} if formula is oracle.brightness else {}
    expected = np.clip(formula(image.astype("float64"), value, **extra), low, high)
    np.testing.assert_allclose(result, expected, atol=1e-5 * (high - low))


@pytest.mark.parametrize("name", FOR_GREY)
def test_grey_images(name):
    cls, arguments, parameters, formula, value = MAPS[name]
    image = IMAGE[..., :1]
    result = with_parameters(cls(**arguments), image[None], APPLIED | parameters)[0]
    expected = np.clip(formula(image.astype("float64"), value), 0, 255)
    np.testing.assert_allclose(result, expected, atol=2e-3)


@pytest.mark.parametrize("name", MAPS)
def test_alpha_is_left_alone(name):
    cls, arguments, parameters, _, _ = MAPS[name]
    beyond = np.random.default_rng(0).uniform(-300, 600, (6, 7, 1)).astype("float32")
    both = np.concatenate([IMAGE, beyond], axis=2)[None]
    result = with_parameters(cls(**arguments), both, APPLIED | parameters)
    assert np.array_equal(result[0, :, :, 3:], beyond)
    alone = with_parameters(cls(**arguments), IMAGE[None], APPLIED | parameters)
    np.testing.assert_allclose(result[..., :3], alone, atol=1e-4)


def test_a_run_is_the_product_clipped_once():
    """Contrast reads the mean of what it receives, which no clipping has touched."""
    names = ["brighter", "more contrast", "hue", "more vivid", "less contrast", "darker"]
    steps = [MAPS[name] for name in names]
    value = IMAGE.astype("float64")
    clipped = value
    for _, _, _, formula, factor in steps:
        value = formula(value, factor)
        clipped = np.clip(formula(clipped, factor), 0, 255)
    parameters = [APPLIED | drawn for _, _, drawn, _, _ in steps]
    members = [cls(**arguments) for cls, arguments, _, _, _ in steps]
    fused, unfused = (
        with_parameters(layers.Pipeline(members, fuse=fuse), IMAGE[None], *parameters)[0]
        for fuse in (True, False)
    )
    np.testing.assert_allclose(fused, np.clip(value, 0, 255), atol=5e-3)
    np.testing.assert_allclose(unfused, clipped, atol=5e-3)
    assert np.abs(fused - unfused).max() > 5


def test_a_jitter_of_all_four_is_the_four_in_a_row():
    jitter = layers.RandomColorJitter(0.5, 0.5, 1.0, 0.5)
    drawn = {
        "RandomBrightness": {"delta": 0.1},
        "RandomContrast": {"factor": 0.7},
        "RandomSaturation": {"factor": 0.6},
        "RandomHue": {"factor": -0.2},
    }
    result = with_parameters(jitter, IMAGE[None], APPLIED | drawn)[0]
    value = oracle.contrast(oracle.brightness(IMAGE.astype("float64"), 0.1), 0.7)
    value = oracle.hue(oracle.saturation(value, 0.6), -0.2)
    np.testing.assert_allclose(result, np.clip(value, 0, 255), atol=5e-3)


def test_hue_keeps_the_sum_and_saturation_the_luma():
    dull = 100 + IMAGE * 0.1  # far from the ends, so that nothing is clipped
    hue = layers.RandomHue((0.4, 0.4))(dull).numpy()
    np.testing.assert_allclose(hue.sum(-1), dull.sum(-1), rtol=1e-5)
    saturation = layers.RandomSaturation((0.6, 0.6))(dull).numpy()
    np.testing.assert_allclose(oracle.luma(saturation), oracle.luma(dull), rtol=1e-5)
    assert np.abs(hue - dull).max() > 1
    assert np.abs(saturation - dull).max() > 1


def test_a_third_of_a_turn_of_hue_exchanges_the_channels():
    turned = with_parameters(
        layers.RandomHue(1.0), IMAGE[None], APPLIED | {"factor": np.float32(2 / 3)}
    )[0]
    np.testing.assert_allclose(turned, np.roll(IMAGE, 1, axis=-1), atol=1e-3)


def test_greys_stay_grey_however_vivid():
    grey = np.repeat(np.linspace(0, 255, 30, dtype="float32"), 3).reshape(5, 6, 3)
    for factor in (0.0, 0.5, 0.9, 1.0):
        np.testing.assert_allclose(layers.RandomSaturation((factor,) * 2)(grey), grey, atol=0.1)
    np.testing.assert_allclose(layers.RandomHue((0.3, 0.3))(grey), grey, atol=1e-3)
    vivid = layers.RandomSaturation((1.0, 1.0))(IMAGE).numpy()
    assert np.isin(vivid, [0, 255]).mean() > 0.99


@pytest.mark.parametrize("factor", [0.4, 1.7])
def test_contrast_and_saturation_are_pillows(photo, factor):
    picture = Image.fromarray(photo)
    contrast = with_parameters(
        layers.RandomContrast(1.0), photo[None], APPLIED | {"factor": factor}
    )[0]
    enhanced = np.asarray(ImageEnhance.Contrast(picture).enhance(factor), "float32")
    assert np.abs(contrast - enhanced).max() <= 2
    saturation = with_parameters(
        layers.RandomSaturation(1.0), photo[None], APPLIED | {"factor": factor / (1 + factor)}
    )[0]
    enhanced = np.asarray(ImageEnhance.Color(picture).enhance(factor), "float32")
    assert np.abs(saturation - enhanced).max() <= 2


def test_levels_saturate_and_do_not_wrap():
    """Keras' layer makes 71 of 200 where 315 was meant."""
    light = np.full((2, 3, 3), 200, "uint8")
    assert (layers.RandomBrightness((0.5, 0.5))(light).numpy() == 255).all()
    assert (layers.RandomBrightness((-0.9, -0.9))(light).numpy() == 0).all()


def test_one_number_lowers_contrast_as_well_as_raising_it():
    factors = layers.RandomContrast(0.4).parameters(n=2000)["RandomContrast"]["factor"]
    assert 0.6 <= factors.min() < 0.62
    assert 1.38 < factors.max() <= 1.4
    assert abs((factors < 1).mean() - 0.5) < 0.05


def test_the_two_numbers_of_contrast_come_in_any_order():
    factors = layers.RandomContrast((0.9, 0.1)).parameters(n=2000)["RandomContrast"]["factor"]
    assert 0.1 <= factors.min() < 0.13
    assert 1.08 < factors.max() <= 1.1


def test_the_principal_components_shift_all_pixels_alike():
    vectors = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    values = (0.2, 0.05, 0.01)
    layer = layers.PCAColorJitter(1.0, values, vectors, value_range=(0, 1))
    alphas = (0.7, -1.1, 2.0)
    drawn = {f"alpha_{i}": np.float32(alpha) for i, alpha in enumerate(alphas, 1)}
    image = IMAGE / 255
    result = with_parameters(layer, image[None], APPLIED | drawn)[0]
    shift = oracle.pca_shift(vectors, values, alphas, unit=1.0)
    np.testing.assert_allclose(result, np.clip(image + shift, 0, 1), atol=1e-6)
    wide = layers.PCAColorJitter(1.0, values, vectors)
    result = with_parameters(wide, IMAGE[None], APPLIED | drawn)[0]
    np.testing.assert_allclose(result, np.clip(IMAGE + 255 * shift, 0, 255), atol=1e-3)


def test_alexnets_jitter_has_its_deviation():
    drawn = layers.PCAColorJitter(0.1).parameters(n=20000)["PCAColorJitter"]
    alphas = np.stack([drawn[f"alpha_{i}"] for i in (1, 2, 3)])
    np.testing.assert_allclose(np.cov(alphas), 0.01 * np.eye(3), atol=4e-4)
    np.testing.assert_allclose(alphas.mean(1), 0, atol=3e-3)


def test_nan_stays_in_its_pixel():
    image = IMAGE.copy()
    image[2, 3, 1] = np.nan
    for layer in (
        layers.RandomBrightness(0.2),
        layers.RandomHue(0.2),
        layers.RandomSaturation(0.4),
        layers.PCAColorJitter(),
        layers.Normalization(100.0, 50.0),
    ):
        lost = np.isnan(layer(image).numpy())
        assert lost[2, 3, 1]
        assert lost.any(-1).sum() == 1


def test_grey_is_the_luma_for_half_of_the_images():
    images = np.repeat(IMAGE[None], 2000, 0)
    result = layers.RandomGrayscale(seed=1)(images).numpy()
    grey = (result[..., 0] == result[..., 2]).all((1, 2))
    assert grey.mean() == pytest.approx(0.5, abs=0.04)
    assert np.array_equal(result[~grey], images[~grey])
    np.testing.assert_allclose(result[grey], np.repeat(oracle.luma(images[grey]), 3, 3), atol=1e-3)


def test_grey_joins_the_other_colours():
    members = [layers.RandomBrightness((0.1, 0.1)), layers.RandomGrayscale(1.0)]
    pipeline = layers.Pipeline(members)
    assert "colour matrix: RandomBrightness, RandomGrayscale" in str(pipeline.plan())
    expected = np.minimum(oracle.luma(IMAGE.astype("float64")) + 25.5, 255)
    np.testing.assert_allclose(pipeline(IMAGE), np.repeat(expected, 3, 2), atol=1e-3)
