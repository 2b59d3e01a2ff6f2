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
    rows, title = {}, None
    for axis in figure.axes:
        title = axis.get_ylabel() or title
        rows.setdefault(title, []).append(axis.images[0].get_array())
    return rows


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
    operations = ["RandomFlip", "RandomBrightness", "Cutout", "MixUp"]
    assert list(rows) == [*operations, "as it came", "all of it"]
    assert [len(pictures) for pictures in rows.values()] == [5] * 6
    for index, picture in enumerate(rows["as it came"]):
        np.testing.assert_allclose(picture, IMAGES[index % 3] / 255, atol=1e-6)
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
    assert list(rows_of(layers.Normalization(0.0, 1.0).preview(IMAGES))) == [
        "as it came",
        "all of it",
    ]


@pytest.mark.parametrize("images", [IMAGES[0], IMAGES[:0]], ids=["one image", "no image"])
def test_other_than_a_batch_is_refused(images):
    with pytest.raises(ValueError, match="`RandomFlip`: `images` must be a batch of at least one"):
        layers.RandomFlip().preview(images)


def test_pictures_of_other_sizes_than_the_images():
    pipeline = layers.Pipeline([layers.RandomCrop(4, 7), layers.RandomBrightness(0.2)])
    rows = rows_of(pipeline.preview(IMAGES[:1]))
    assert {picture.shape for picture in rows["RandomCrop"]} == {(4, 7, 3)}
    assert {picture.shape for picture in rows["RandomBrightness"]} == {(9, 8, 3)}
    assert [picture.shape for picture in rows["as it came"]] == [(9, 8, 3)]  # once is enough
    assert [picture.shape for picture in rows["all of it"]] == [(4, 7, 3)] * 5


def test_what_stands_behind_a_gate_is_shown_open():
    choice = layers.RandomChoice([layers.RandomBrightness((0.1, 0.5)), layers.RandomFlip(p=1.0)])
    rows = rows_of(layers.Pipeline([layers.RandomApply([choice], p=0.1)]).preview(IMAGES))
    assert list(rows)[:2] == ["RandomBrightness", "RandomFlip"]
    assert all(np.mean(picture) > IMAGES[0].mean() / 255 for picture in rows["RandomBrightness"])
    np.testing.assert_allclose(rows["RandomFlip"][4], IMAGES[0, ::-1, ::-1] / 255, atol=1e-6)


def test_a_flip_goes_from_unmoved_to_turned_over():
    first, *_, last = rows_of(layers.RandomFlip("horizontal").preview(IMAGES))["RandomFlip"]
    np.testing.assert_allclose(first, IMAGES[0] / 255, atol=1e-6)
    np.testing.assert_allclose(last, IMAGES[0, :, ::-1] / 255, atol=1e-6)
