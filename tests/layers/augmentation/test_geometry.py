"""Moved pixels against SciPy, NumPy, Pillow and Keras."""

import keras
import numpy as np
import pytest
from augmentation_regimes import with_parameters
from oracles import augmentation as oracle

from keras_trainkit import layers
from keras_trainkit.layers.augmentation.algebra.resampling import FILL_MODES

pytestmark = pytest.mark.usefixtures("uncompiled")

IMAGE = np.random.default_rng(3).uniform(0, 255, (11, 14, 2)).astype("float32")
SIZE = IMAGE.shape[:2]
APPLIED = {"applied": True}

# a layer, its parameters, and the same movement as a matrix
MOVES = {
    "rotation": (
        layers.RandomRotation,
        {"factor": 1},
        {"angle": 0.083},
        oracle.rotation(SIZE, 0.083),
    ),
    "half a turn and more": (
        layers.RandomRotation,
        {"factor": 1},
        {"angle": -0.61},
        oracle.rotation(SIZE, -0.61),
    ),
    "shear": (
        layers.RandomShear,
        {"x_factor": 1, "y_factor": 1},
        {"x": 0.37, "y": -0.21},
        oracle.shear(SIZE, -0.21, 0.37),
    ),
    "translation": (
        layers.RandomTranslation,
        {"height_factor": 1, "width_factor": 1},
        {"height": 0.23, "width": -0.41},
        oracle.translation(SIZE, 0.23, -0.41),
    ),
    "translation out of sight": (
        layers.RandomTranslation,
        {"height_factor": 1, "width_factor": 1},
        {"height": -0.98, "width": 0.97},
        oracle.translation(SIZE, -0.98, 0.97),
    ),
    "zoom in": (
        layers.RandomZoom,
        {"height_factor": (-0.9, 0), "width_factor": (-0.9, 0)},
        {"height": 0.63, "width": 0.29},
        oracle.zoom(SIZE, 0.63, 0.29),
    ),
    "all of them": (
        layers.RandomAffine,
        {"rotation_factor": 1, "shear_factor": 1, "zoom_factor": 0.3, "translation_factor": 1},
        {
            "RandomRotation": {"angle": 0.1},
            "RandomShear": {"x": 0.2, "y": 0.1},
            "RandomZoom": {"height": 0.8, "width": 1.2},
            "RandomTranslation": {"height": 0.1, "width": -0.2},
        },
        oracle.translation(SIZE, 0.1, -0.2)
        @ oracle.zoom(SIZE, 0.8, 1.2)
        @ oracle.shear(SIZE, 0.1, 0.2)
        @ oracle.rotation(SIZE, 0.1),
    ),
}


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize("fill_mode", FILL_MODES)
@pytest.mark.parametrize("move", MOVES)
def test_moves_are_those_of_scipy(move, fill_mode, interpolation):
    cls, arguments, parameters, forward = MOVES[move]
    layer = cls(**arguments, fill_mode=fill_mode, fill_value=50, interpolation=interpolation)
    result = with_parameters(layer, IMAGE[None], APPLIED | parameters)[0]
    expected = oracle.warp(IMAGE, forward, fill_mode, 50, order=interpolation == "bilinear")
    np.testing.assert_allclose(result, expected, atol=0.05)


@pytest.mark.parametrize("fill_mode", FILL_MODES)
@pytest.mark.parametrize("scale", [(1.0, 1.7), (2.0, 3.4), (4.9, 0.6)], ids=str)
def test_a_zoom_out_is_the_slow_triangle_filter(scale, fill_mode):
    layer = layers.RandomZoom((-0.9, 4), (-0.9, 4), fill_mode=fill_mode, fill_value=50)
    parameters = APPLIED | {"height": scale[0], "width": scale[1]}
    result = with_parameters(layer, IMAGE[None], parameters)[0]
    expected = oracle.axis_zoom(IMAGE, *scale, fill_mode, 50)
    np.testing.assert_allclose(result, expected, atol=0.01)


def test_a_zoom_in_is_pillows(photo):
    image = photo.astype("float32")
    height, width = image.shape[:2]
    layer = layers.RandomZoom((-0.9, 0), (-0.9, 0))
    result = with_parameters(layer, image[None], APPLIED | {"height": 0.4, "width": 0.7})[0]
    box = (0.3 * height, 0.15 * width, 0.4 * height, 0.7 * width)
    np.testing.assert_allclose(result, oracle.resized(image, (height, width), box), atol=0.02)


@pytest.mark.parametrize("shrink", [2, 4])
def test_a_zoom_out_is_pillows_reduction(photo, shrink):
    image = photo.astype("float32")
    height, width = (length // shrink for length in image.shape[:2])
    zoom = layers.RandomZoom((shrink - 1, shrink - 1))
    pipeline = layers.Pipeline([zoom, layers.RandomCrop(height, width, p=0)])
    inside = (slice(2, -2), slice(2, -2))  # at the border Pillow leaves taps out
    result = pipeline(image)
    np.testing.assert_allclose(
        result[inside], oracle.resized(image, (height, width))[inside], atol=0.05
    )


@pytest.mark.parametrize("side", [4, 5])
@pytest.mark.parametrize("turns", [1, 2, 3])
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_quarter_turns_are_exact(side, turns, interpolation):
    levels = np.random.default_rng(0).integers(0, 256, (2, side, side, 3)).astype("uint8")
    layer = layers.RandomRotation((turns / 4, turns / 4), interpolation=interpolation)
    assert np.array_equal(layer(levels), np.rot90(levels, turns, axes=(1, 2)))


def test_each_flip_is_numpys():
    layer = layers.RandomFlip()
    for vertical in (False, True):
        for horizontal in (False, True):
            drawn = {"vertical": vertical, "horizontal": horizontal}
            axes = [axis for axis, flipped in ((0, vertical), (1, horizontal)) if flipped]
            result = with_parameters(layer, IMAGE[None], drawn)[0]
            assert np.array_equal(result, np.flip(IMAGE, axes))


@pytest.mark.parametrize("fill_mode", FILL_MODES)
@pytest.mark.parametrize("padding", [0, 3, 40])
def test_a_crop_is_padding_and_slicing(fill_mode, padding):
    levels = IMAGE.astype("uint8")
    layer = layers.RandomCrop(7, 6, padding=padding, fill_mode=fill_mode, fill_value=50)
    rooms = SIZE[0] + 2 * padding - 7, SIZE[1] + 2 * padding - 6
    for top, left in ((0.0, 1 - 2**-24), (0.5, 0.25), (1 - 2**-24, 0.0)):
        drawn = APPLIED | {"top": top, "left": left}
        result = with_parameters(layer, levels[None], drawn)[0]
        places = (int(share * (room + 1)) for share, room in zip((top, left), rooms, strict=True))
        expected = oracle.pad_and_crop(levels, padding, *places, 7, 6, fill_mode, 50)
        assert np.array_equal(result, expected)


@pytest.mark.parametrize("training", [True, False])
def test_without_chance_a_crop_is_the_central_one(training):
    crop = layers.RandomCrop(7, 6, padding=1, p=0)
    assert np.array_equal(crop(IMAGE, training=training), IMAGE[2:9, 4:10])


def test_a_crop_may_be_larger_than_the_image():
    crop = layers.RandomCrop(13, 16, padding=1, fill_mode="constant")
    assert np.array_equal(crop(IMAGE), np.pad(IMAGE, ((1, 1), (1, 1), (0, 0))))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (layers.RandomRotation((0.1, 0.1)), keras.layers.RandomRotation((0.1, 0.1))),
        (layers.RandomZoom((-0.4, -0.4)), keras.layers.RandomZoom((-0.4, -0.4))),
        (
            layers.RandomZoom((-0.4, -0.4), (-0.2, -0.2)),
            keras.layers.RandomZoom((-0.4, -0.4), (-0.2, -0.2)),
        ),
        (
            layers.RandomTranslation((0.25, 0.25), (-0.125, -0.125)),
            keras.layers.RandomTranslation((0.25, 0.25), (-0.125, -0.125)),
        ),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_signs_and_units_are_those_of_keras(ours, theirs, photo):
    image = photo.astype("float32")
    np.testing.assert_allclose(ours(image), theirs(image, training=True), atol=1.5)


def test_neighbours_of_several_sizes_compose():
    """Each operation moves about the centre of the image that it receives."""
    pipeline = layers.Pipeline(
        [
            layers.RandomCrop(8, 9),
            layers.RandomRotation(0.5),
            layers.RandomCrop(5, 7),
            layers.RandomFlip(),
            layers.RandomTranslation(0.5, 0.5),
        ],
        fill_mode="nearest",
    )
    result = with_parameters(
        pipeline,
        IMAGE[None],
        APPLIED | {"top": 0.3, "left": 0.9},  # row 1 of 0 to 3, column 5 of 0 to 5
        APPLIED | {"angle": 0.07},
        APPLIED | {"top": 0.0, "left": 0.5},  # row 0 of 0 to 3, column 1 of 0 to 2
        {"vertical": False, "horizontal": True},
        APPLIED | {"height": 0.11, "width": -0.13},
    )[0]

    def shift(y, x):
        return np.array([[1, 0, y], [0, 1, x], [0, 0, 1.0]])

    mirror = np.array([[1, 0, 0], [0, -1, 6], [0, 0, 1.0]])
    forward = (
        oracle.translation((5, 7), 0.11, -0.13)
        @ mirror
        @ shift(0, -1)
        @ oracle.rotation((8, 9), 0.07)
        @ shift(-1, -5)
    )
    assert len(pipeline.plan().passes) == 1
    np.testing.assert_allclose(
        result, oracle.warp(IMAGE, forward, "nearest", size=(5, 7)), atol=0.05
    )


def test_taps_are_enough_where_a_zoom_in_is_left_out():
    """A zoom in that chance leaves out does not make up for the zoom out after it."""
    layer = layers.Pipeline([layers.RandomZoom((-0.9, -0.8), p=0), layers.RandomZoom((3, 3))])
    assert np.array_equal(layer(IMAGE), layers.RandomZoom((3, 3))(IMAGE))


def test_supersampling_comes_close_to_the_triangle_filter(photo):
    image = photo.astype("float32")
    for scale, least in ((1.5, 45), (2.0, 40), (2.5, 28)):
        fixed = (scale - 1, scale - 1)
        exact = layers.RandomZoom(fixed)(image)
        close = oracle.psnr(layers.RandomAffine(zoom_factor=fixed)(image), exact)
        bare = oracle.warp(image, oracle.zoom(image.shape[:2], scale, scale), "reflect")
        assert close > max(least, oracle.psnr(bare, exact) + 6)


def test_supersampling_leaves_an_image_sharp_that_does_not_shrink():
    layer = layers.RandomAffine(zoom_factor=(0, 1))
    still = {
        "RandomRotation": {"angle": 0.0},
        "RandomShear": {"x": 0.0, "y": 0.0},
        "RandomZoom": {"height": 1.0, "width": 1.0},
        "RandomTranslation": {"height": 0.0, "width": 0.0},
    }
    assert np.array_equal(with_parameters(layer, IMAGE[None], APPLIED | still)[0], IMAGE)


def test_nan_stays_where_it_is():
    image = IMAGE.copy()
    image[5, 5, 0] = np.nan
    for layer in (layers.RandomFlip(), layers.RandomCrop(11, 14, padding=1)):
        assert np.isnan(layer(image)).sum() <= 1
    for layer in (layers.RandomRotation((0.1, 0.1)), layers.RandomZoom((-0.3, -0.3))):
        result = layer(image).numpy()
        assert 0 < np.isnan(result).sum() < 12
        assert not np.isnan(result[..., 1]).any()
