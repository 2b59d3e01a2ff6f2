"""Contact sheets."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from keras_trainkit import layers

pytestmark = pytest.mark.usefixtures("uncompiled")

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 9, 8, 3)).astype("uint8")


def rows_of(figure):
    """The pictures' rows, by their titles."""
    assert isinstance(figure, Figure)
    assert len(figure.axes) % 5 == 0
    rows = [figure.axes[i : i + 5] for i in range(0, len(figure.axes), 5)]
    return {row[0].get_ylabel(): [axis.images[0].get_array() for axis in row] for row in rows}


def test_a_row_an_operation_and_one_for_all():
    pipeline = layers.Pipeline(
        [
            layers.RandomFlip("horizontal"),
            layers.RandomBrightness(0.5, p=0.1),
            layers.Cutout(3),
            layers.Normalization(100.0, 50.0),
            layers.MixUp(num_classes=3),
        ]
    )
    figure = pipeline.preview(IMAGES, seed=4)
    rows = rows_of(figure)
    assert list(rows) == ["RandomFlip", "RandomBrightness", "Cutout", "MixUp", "all of it"]
    titles = [axis.get_title() for axis in figure.axes[:5]]
    assert titles == ["0%", "25%", "50%", "75%", "100%"]
    levels = [np.mean(picture) for picture in rows["RandomBrightness"]]
    assert levels == sorted(levels)
    assert len(set(levels)) == 5
    again = rows_of(pipeline.preview(IMAGES, seed=4))["all of it"]
    other = rows_of(pipeline.preview(IMAGES, seed=5))["all of it"]
    assert all(map(np.array_equal, rows["all of it"], again))
    assert not all(map(np.array_equal, rows["all of it"], other))


def test_the_extremes_of_one_operation():
    rows = rows_of(layers.RandomRotation((-0.25, 0.25)).preview(IMAGES[:, :8]))
    left, _, still, _, right = rows["RandomRotation"]
    picture = IMAGES[0, :8] / 255
    np.testing.assert_allclose(left, np.rot90(picture, -1), atol=0.01)
    np.testing.assert_allclose(still, picture, atol=0.01)
    np.testing.assert_allclose(right, np.rot90(picture), atol=0.01)


def test_grey_images_and_other_ranges():
    grey = (IMAGES[..., :1] / 127.5 - 1).astype("float32")
    rows = rows_of(layers.RandomContrast(0.5, value_range=(-1, 1)).preview(grey))
    for picture in rows["RandomContrast"]:
        assert picture.shape == (9, 8)
        assert picture.min() >= 0
        assert picture.max() <= 1
    np.testing.assert_allclose(rows["RandomContrast"][2], IMAGES[0, ..., 0] / 255, atol=1e-5)


def test_what_has_no_chance_has_only_the_last_row():
    assert list(rows_of(layers.Normalization(0.0, 1.0).preview(IMAGES))) == ["all of it"]


@pytest.mark.parametrize("images", [IMAGES[0], IMAGES[:0]], ids=["one image", "no image"])
def test_other_than_a_batch_is_refused(images):
    with pytest.raises(ValueError, match="`RandomFlip`: `images` must be a batch of at least one"):
        layers.RandomFlip().preview(images)
