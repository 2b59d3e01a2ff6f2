"""What is drawn: inside the declared ranges, and each outcome as often as it should be."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from keras_trainkit import layers

pytestmark = pytest.mark.usefixtures("uncompiled")

N = 20000


def drawn(layer, n=N):
    (parameters,) = layer.parameters(11, n).values()
    return parameters


def assert_uniform(values, low, high):
    """In the range, up to its ends, and evenly (Kolmogorov-Smirnov)."""
    assert values.min() >= np.float32(low)
    assert values.max() <= np.float32(high)
    assert stats.kstest(values, stats.uniform(low, high - low).cdf).pvalue > 1e-3


def assert_frequencies(outcomes, expected):
    """Chi-square of the outcomes, which are 0, 1, ..., against their probabilities."""
    counts = np.bincount(outcomes, minlength=len(expected))
    assert len(counts) == len(expected)
    assert stats.chisquare(counts, np.array(expected) * len(outcomes)).pvalue > 1e-3


@pytest.mark.parametrize(
    ("layer", "name", "low", "high"),
    [
        (layers.RandomRotation(0.2), "angle", -0.2, 0.2),
        (layers.RandomRotation((0.1, 0.3)), "angle", 0.1, 0.3),
        (layers.RandomTranslation(0.2, (0.1, 0.4)), "height", -0.2, 0.2),
        (layers.RandomTranslation(0.2, (0.1, 0.4)), "width", 0.1, 0.4),
        (layers.RandomZoom((-0.3, 0.5), 0.1), "height", 0.7, 1.5),
        (layers.RandomZoom((-0.3, 0.5), 0.1), "width", 0.9, 1.1),
        (layers.RandomShear(0.3), "x", -0.3, 0.3),
        (layers.RandomShear(0.3, 0.1), "y", -0.1, 0.1),
        (layers.RandomBrightness(0.3), "delta", -0.3, 0.3),
        (layers.RandomBrightness((0.1, 0.2)), "delta", 0.1, 0.2),
        (layers.RandomContrast(0.3), "factor", 0.7, 1.3),
        (layers.RandomSaturation(0.8), "factor", 0, 0.8),
        (layers.RandomSaturation((0.4, 0.6)), "factor", 0.4, 0.6),
        (layers.RandomHue(0.5), "factor", -0.5, 0.5),
        (layers.RandomCrop(8, 8), "top", 0, 1),
        (layers.RandomCrop(8, 8), "left", 0, 1),
        (layers.Cutout(8), "y", 0, 1),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, layers.RandomFlip) else None,
)
def test_uniform_numbers(layer, name, low, high):
    assert_uniform(drawn(layer)[name], low, high)


@pytest.mark.parametrize("cls", [layers.RandomShear, layers.RandomHue])
def test_magnitudes_take_either_sign(cls):
    values = drawn(cls((0.1, 0.3)))["x" if cls is layers.RandomShear else "factor"]
    assert_uniform(np.abs(values), 0.1, 0.3)
    assert_frequencies((values < 0).astype(int), [0.5, 0.5])


def test_the_parts_of_an_affine_map():
    parts = drawn(layers.RandomAffine(0.1, 0.2, (-0.3, 0.3), 0.4))
    assert_uniform(parts["RandomRotation"]["angle"], -0.1, 0.1)
    assert_uniform(parts["RandomShear"]["y"], -0.2, 0.2)
    assert_uniform(parts["RandomZoom"]["width"], 0.7, 1.3)
    assert_uniform(parts["RandomTranslation"]["height"], -0.4, 0.4)
    zoom = parts["RandomZoom"]
    assert abs(np.corrcoef(zoom["height"], zoom["width"])[0, 1]) < 0.03  # each axis its own


def test_a_zoom_keeps_the_aspect_ratio_unless_told_otherwise():
    zoom = drawn(layers.RandomZoom(0.3))
    assert np.array_equal(zoom["height"], zoom["width"])


@pytest.mark.parametrize("p", [0.0, 0.25, 0.5, 0.9, 1.0])
def test_p_is_the_share_of_images_acted_on(p):
    applied = drawn(layers.RandomRotation(0.1, p=p))["applied"]
    if p in (0, 1):
        assert (applied == bool(p)).all()
    else:
        assert_frequencies(applied.astype(int), [1 - p, p])


def outcomes_of_flips(layer):
    coins = drawn(layer)
    return 2 * coins["vertical"].astype(int) + coins["horizontal"]


def test_the_four_outcomes_of_a_flip_are_a_quarter_each():
    """Keras throws one coin for both axes, and so has two outcomes."""
    assert_frequencies(outcomes_of_flips(layers.RandomFlip()), [0.25] * 4)


def test_flips_of_other_probabilities_and_axes():
    assert_frequencies(outcomes_of_flips(layers.RandomFlip(p=0.2)), [0.64, 0.16, 0.16, 0.04])
    horizontal = outcomes_of_flips(layers.RandomFlip("horizontal"))
    assert_frequencies(horizontal, [0.5, 0.5])
    vertical = outcomes_of_flips(layers.RandomFlip("vertical", p=0.3))
    assert set(vertical) == {0, 2}
    assert_frequencies(vertical // 2, [0.7, 0.3])
    assert (outcomes_of_flips(layers.RandomFlip(p=1.0)) == 3).all()


def test_each_image_has_its_own_window_and_all_are_equally_likely():
    """Keras' RandomCrop takes one window for the batch."""
    tf.config.run_functions_eagerly(False)  # one by one, so many windows take long
    ramp = np.broadcast_to(np.arange(42, dtype="float32").reshape(1, 6, 7, 1), (N, 6, 7, 1))
    corner = layers.RandomCrop(4, 3, seed=1)(ramp).numpy()[:, 0, 0, 0].astype(int)
    top, left = np.divmod(corner, 7)
    assert_frequencies(5 * top + left, [1 / 15] * 15)


def test_each_place_beyond_the_border_is_equally_likely():
    ramp = np.broadcast_to(np.arange(1, 26, dtype="uint8").reshape(1, 5, 5, 1), (N, 5, 5, 1))
    crop = layers.RandomCrop(5, 5, padding=1, fill_mode="constant", seed=1)
    centre = crop(ramp).numpy()[:, 2, 2, 0].astype(int) - 1
    top, left = np.divmod(centre, 5)
    assert_frequencies(3 * (top - 1) + left - 1, [1 / 9] * 9)


def test_each_centre_of_a_cutout_is_equally_likely():
    single = layers.Cutout(1, seed=2)(np.ones((N, 4, 5, 1), "uint8")).numpy()
    places = (single[..., 0].reshape(N, 20) == 0).argmax(1)
    assert (single == 0).sum() == N
    assert_frequencies(places, [1 / 20] * 20)


@pytest.mark.parametrize("alpha", [0.1, 0.2, 0.4, 1.0, 2.0, 8.0])
@pytest.mark.parametrize("cls", [layers.MixUp, layers.CutMix])
def test_shares_are_beta_distributed(cls, alpha):
    share = drawn(cls(alpha), 3000)["share"].astype("float64")
    assert share.min() >= 0
    assert share.max() <= 1
    assert_frequencies((share < 0.5).astype(int), [0.5, 0.5])
    # just below 1 float32 is too coarse for a small alpha, so each half by itself
    for half, fineness in ((share[share < 0.5], 0), (1 - share[share > 0.5], 1e-4)):
        places = stats.beta(alpha, alpha).cdf(half[half > fineness])
        least = stats.beta(alpha, alpha).cdf(fineness)
        assert stats.kstest(places, stats.uniform(least, 0.5 - least).cdf).pvalue > 1e-3


def test_the_centres_of_pasted_boxes():
    parameters = drawn(layers.CutMix(), 3000)
    assert_uniform(parameters["y"], 0, 1)
    assert_uniform(parameters["x"], 0, 1)


def test_members_of_one_class_draw_apart():
    pipeline = layers.Pipeline(
        [layers.RandomFlip(), layers.RandomRotation(0.1), layers.RandomFlip()]
    )
    parameters = pipeline.parameters(n=N)
    assert list(parameters) == ["RandomFlip", "RandomRotation", "RandomFlip_1"]
    first, second = (parameters[path]["horizontal"] for path in ("RandomFlip", "RandomFlip_1"))
    assert_frequencies(2 * first.astype(int) + second, [0.25] * 4)


def test_names_of_layers_do_not_matter():
    """Keras counts them up within a process."""
    one, other = (layers.RandomRotation(0.1, name=name).parameters(3, 5) for name in ("a", "b"))
    assert np.array_equal(one["RandomRotation"]["angle"], other["RandomRotation"]["angle"])
