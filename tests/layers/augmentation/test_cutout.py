"""Squares that may stick out."""

import numpy as np
import pytest
from augmentation_regimes import with_parameters
from oracles import augmentation as oracle

from keras_trainkit import layers

pytestmark = pytest.mark.usefixtures("uncompiled")

IMAGE = np.random.default_rng(1).integers(1, 256, (9, 12, 3)).astype("uint8")


@pytest.mark.parametrize("size", [1, 2, 5, (3, 8), 30], ids=str)
def test_every_centre(size):
    height, width = size if isinstance(size, tuple) else (size, size)
    layer = layers.Cutout(size)
    for y in range(9):
        for x in range(0, 12, 3):
            drawn = {"applied": True, "y": (y + 0.5) / 9, "x": (x + 0.5) / 12}
            result = with_parameters(layer, IMAGE[None], drawn)[0]
            hidden = oracle.box((9, 12), y, x, height, width)
            assert np.array_equal(result, np.where(hidden[..., None], 0, IMAGE))


def test_a_corner_is_hidden_a_quarter_as_often_as_the_centre():
    """Keras' RandomErasing, always inside, hides corners far less often."""
    hidden = layers.Cutout(9)(np.ones((20000, 20, 20, 1), "uint8")).numpy()[..., 0] == 0
    frequency = hidden.mean(0)
    centre = 81 / 400
    np.testing.assert_allclose(frequency[8:12, 8:12], centre, atol=0.012)
    corners = frequency[[0, 0, -1, -1], [0, -1, 0, -1]]
    np.testing.assert_allclose(corners, 25 / 400, atol=0.008)  # 5 of 9 rows and columns


@pytest.mark.parametrize("fill", [0, 17.6, (1, 2, 3), 300, -4], ids=str)
def test_the_colour_fits_the_images(fill):
    layer = layers.Cutout(40, fill=fill)
    expected = np.broadcast_to(np.asarray(fill, "float32"), (9, 12, 3))
    assert np.array_equal(layer(IMAGE.astype("float32")), expected)
    assert np.array_equal(layer(IMAGE), np.clip(np.rint(expected), 0, 255))


def test_after_normalisation_zero_is_the_mean():
    pipeline = layers.Pipeline([layers.Normalization(100.0, 50.0), layers.Cutout(40)])
    assert (pipeline(IMAGE).numpy() == 0).all()


def test_a_colour_of_another_number_of_channels_is_refused():
    with pytest.raises(ValueError, match="`Cutout`: `inputs` must have 2 channels"):
        layers.Cutout(3, fill=(1, 2))(IMAGE)
