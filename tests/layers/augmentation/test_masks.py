"""Rectangles of random shape, grids, and what segmentation masks get where images are covered."""

import numpy as np
import pytest
from augmentation_regimes import with_parameters
from scipy import ndimage, stats

from keras_trainkit import layers

pytestmark = pytest.mark.usefixtures("uncompiled")

APPLIED = {"applied": True}
ONES = np.ones((2000, 24, 36, 1), "uint8")


def rectangles(layer, images=ONES):
    """(n, 4) top, left, height and width of what is covered with 0, which has no holes."""
    covered = layer(images).numpy()[..., 0] == 0
    found = [ndimage.find_objects(each.astype(int))[0] for each in covered]
    edges = np.array([(y.start, x.start, y.stop - y.start, x.stop - x.start) for y, x in found])
    assert np.array_equal(covered.sum((1, 2)), edges[:, 2] * edges[:, 3])
    return edges


def test_area_and_ratio_are_as_drawn():
    layer = layers.RandomErasing(scale=(0.1, 0.3), ratio=(0.5, 2.0), fill=0, seed=1)
    _, _, height, width = rectangles(layer, np.ones((400, 200, 300, 1), "uint8")).T
    area, ratio = height * width / 60000, np.log2(height / width)
    assert stats.kstest(area, stats.uniform(0.1, 0.2).cdf).pvalue > 0.01
    assert stats.kstest(ratio, stats.uniform(-1, 2).cdf).pvalue > 0.01
    assert abs(np.corrcoef(area, ratio)[0, 1]) < 0.15


def test_every_place_inside_is_equally_likely():
    layer = layers.RandomErasing(scale=(0.25, 0.25), ratio=(1.5, 1.5), fill=0, seed=1)
    top, left, height, width = rectangles(layer).T
    assert set(height) == {18}
    assert set(width) == {12}
    assert stats.chisquare(np.bincount(top, minlength=7)).pvalue > 0.01
    assert stats.chisquare(np.bincount(left, minlength=25)).pvalue > 0.01
    # of 7 x 25 places one covers the corner, and 7 x 12 cover the middle
    covered = layer(ONES).numpy()[..., 0] == 0
    assert covered[:, 0, 0].mean() == pytest.approx(1 / 175, abs=0.006)
    assert covered[:, 12, 18].mean() == pytest.approx(12 / 25, abs=0.04)


def test_a_rectangle_too_long_for_the_image_keeps_its_area():
    layer = layers.RandomErasing(scale=(0.5, 0.5), ratio=(100.0, 100.0), fill=0)
    top, _, height, width = rectangles(layer, ONES[:50]).T
    assert set(zip(top, height, width, strict=True)) == {(0, 24, 18)}
    everything = layers.RandomErasing(scale=(1.0, 1.0), fill=0)
    assert not everything(ONES[:50]).numpy().any()


def test_the_noise_is_uniform_and_independent():
    layer = layers.RandomErasing(scale=(1.0, 1.0), seed=2)
    noise = layer(np.zeros((20, 40, 50, 3), "uint8")).numpy()
    assert stats.chisquare(np.bincount(noise.ravel(), minlength=256)).pvalue > 0.001
    centred = noise - 127.5
    for axis in range(4):
        other = np.roll(centred, 1, axis)
        assert abs((centred * other).mean() / centred.var()) < 0.01
    scaled = layers.RandomErasing(scale=(1.0, 1.0), seed=2, value_range=(-1, 1))
    values = scaled(np.zeros((20, 40, 50, 3), "float32")).numpy()
    np.testing.assert_allclose(values, noise / 127.5 - 1, atol=1e-6)


def test_erasing_covers_what_the_factor_says():
    noise = layers.RandomErasing((0.2, 0.6), seed=3)(np.zeros((3000, 8, 8, 1), "uint8")).numpy()
    # a square of one pixel is black in one case of 256
    assert noise.any((1, 2, 3)).mean() == pytest.approx(0.4, abs=0.03)
    colored = layers.RandomErasing(scale=(1.0, 1.0), fill=(1, 2, 3))(np.zeros((4, 4, 3), "uint8"))
    assert (colored.numpy() == [1, 2, 3]).all()


def grid(size, period, ratio, y, x, angle):
    """GridMask's squares, from the grid's own coordinates of each pixel."""
    rows, columns = np.mgrid[: size[0], : size[1]].astype("float64")
    rows -= (size[0] - 1) / 2
    columns -= (size[1] - 1) / 2
    cos, sin = np.cos(2 * np.pi * angle), np.sin(2 * np.pi * angle)
    down = cos * rows + sin * columns + (size[0] - 1) / 2
    right = -sin * rows + cos * columns + (size[1] - 1) / 2
    inside = [
        (place / period + offset) % 1 < 1 - ratio for place, offset in ((down, y), (right, x))
    ]
    return inside[0] & inside[1]


@pytest.mark.parametrize("angle", [0.0, 0.07, -0.4])
@pytest.mark.parametrize(("period", "ratio"), [(8.0, 0.5), (10.3, 0.31), (50.0, 0.8)])
def test_the_grid(photo, period, ratio, angle):
    layer = layers.GridMask(period, ratio, fill=9)
    drawn = {"period": period, "y": 0.2137, "x": 0.777, "angle": angle}
    drawn = {name: np.float32(value) for name, value in drawn.items()}
    result = with_parameters(layer, photo[None], APPLIED | drawn)[0]
    covered = grid((64, 96), period, ratio, 0.2137, 0.777, angle)
    wrong = (result != np.where(covered[..., None], 9, photo)).any(-1)
    assert wrong.mean() < 1e-3  # a centre on an edge
    assert covered.any()


@pytest.mark.parametrize("rotation", [0.0, 0.5])
def test_every_pixel_is_covered_alike(rotation):
    layer = layers.GridMask((6, 14), 0.4, rotation, seed=1)
    covered = layer(ONES).numpy()[..., 0] == 0
    np.testing.assert_allclose(covered.mean(0), 0.36, atol=0.05)
    assert covered.mean() == pytest.approx(0.36, abs=0.01)
    periods = layer.parameters(n=2000)["GridMask"]["period"]
    np.testing.assert_allclose(np.quantile(periods, [0, 0.5, 1]), [6, 10, 14], atol=0.3)


@pytest.mark.parametrize(
    "layer",
    [
        layers.Cutout(4, mask_fill=7, seed=1),
        layers.RandomErasing(0.7, fill=0, mask_fill=7, seed=1),
        layers.GridMask(6, p=0.5, mask_fill=7, seed=1),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_segmentation_masks_are_filled_where_the_image_is(layer):
    images = np.full((8, 12, 10, 3), 100, "uint8")
    masks = np.random.default_rng(0).integers(0, 5, (8, 12, 10, 1)).astype("int32")
    result = layer({"images": images, "segmentation_masks": masks})
    covered = result["images"].numpy()[..., :1] == 0
    assert covered.any()
    assert np.array_equal(result["segmentation_masks"], np.where(covered, 7, masks))
    assert result["segmentation_masks"].dtype == "int32"
    layer = type(layer).from_config({**layer.get_config(), "mask_fill": None})
    result = layer({"images": images, "segmentation_masks": masks})
    assert np.array_equal(result["segmentation_masks"], masks)
