"""Masks and points that move with their images."""

import numpy as np
import pytest
import tensorflow as tf
from oracles import augmentation as oracle

from keras_trainkit import layers
from keras_trainkit._core.draws import key_from_integer

pytestmark = pytest.mark.usefixtures("uncompiled")

MOVERS = {
    "lattice": [layers.RandomCrop(40, 60, padding=8), layers.RandomFlip()],
    "axis": [layers.RandomResizedCrop(50, 40, scale=(0.5, 1.0)), layers.RandomFlip()],
    "scale": [layers.RandomScaleCrop(32, (32, 50)), layers.RandomTranslation(0.1, 0.1)],
    "affine": [layers.RandomAffine(0.1, 0.1, 0.1, 0.1, p=0.8), layers.RandomFlip()],
    "all": [layers.RandomFlip(), layers.RandomRotation(0.5), layers.RandomResizedCrop(36, 36)],
}
each_mover = pytest.mark.parametrize("members", MOVERS.values(), ids=MOVERS)


def the_run(pipeline, n, seed=1):
    """The one run of the pipeline, and what it draws."""
    plan = pipeline.plan()
    (run,) = plan.passes
    return run, plan.draw(key_from_integer(seed), tf.range(n))


@each_mover
def test_a_bright_spot_goes_where_its_point_goes(members):
    n, height, width = 12, 48, 64
    points = np.random.default_rng(0).uniform((18, 24), (30, 40), (n, 1, 2)).round()
    y, x = np.mgrid[:height, :width]
    distance = (y - points[..., :1]) ** 2 + (x - points[..., 1:]) ** 2
    images = (255 * np.exp(-distance / 8))[..., None].astype("float32")
    pipeline = layers.Pipeline(members, fill_mode="constant")
    run, drawn = the_run(pipeline, n)
    moved = run.move_points(tf.constant(points, tf.float32), (height, width), drawn).numpy()
    seen = 0
    for image, (place,) in zip(run(tf.constant(images), drawn).numpy(), moved, strict=True):
        rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
        if not all(8 <= at < side - 8 for at, side in zip(place, image.shape, strict=False)):
            continue
        seen += 1
        weight = image[..., 0] / image.sum()
        centroid = (weight * rows).sum(), (weight * columns).sum()
        np.testing.assert_allclose(place, centroid, atol=0.1)
    assert seen > 2


@each_mover
def test_class_ids_stay_what_they_are(members):
    masks = np.random.default_rng(0).choice([0, 7, 255], (6, 12, 16, 1))
    masks = masks.repeat(4, 1).repeat(4, 2)
    pipeline = layers.Pipeline(members, fill_mode="constant", fill_value=99)
    run, drawn = the_run(pipeline, 6)
    size = pipeline.compute_output_shape(masks.shape)
    for dtype in ("uint8", "int32", "int64", "float32", "float16"):
        moved = run.move_masks(tf.constant(masks.astype(dtype)), drawn)
        assert moved.dtype == dtype
        assert moved.shape == size
        assert set(np.unique(moved)) <= {0, 7, 255}
        assert len(np.unique(moved)) > 1
    # a mask that is a picture moves as the picture does without interpolation
    nearest = layers.Pipeline(members, fill_mode="constant", interpolation="nearest")
    alike, _ = the_run(nearest, 6)
    pictures = tf.constant(masks.astype("float32"))
    assert np.array_equal(alike(pictures, drawn), run.move_masks(pictures, drawn))


@pytest.mark.parametrize("fill_mode", ["reflect", "nearest", "wrap"])
def test_a_mask_meets_the_border_of_its_image(fill_mode):
    image = np.random.default_rng(0).integers(1, 9, (11, 14, 1)).astype("uint8")
    layer = layers.RandomRotation((0.083, 0.083), fill_mode=fill_mode)
    run, drawn = the_run(layer, 1)
    expected = oracle.warp(image, oracle.rotation((11, 14), 0.083), fill_mode, order=0)
    assert np.array_equal(run.move_masks(tf.constant(image[None]), drawn)[0], expected)


def test_points_follow_the_oracles_matrix():
    layer = layers.RandomAffine(
        (0.1, 0.1), (0.2, 0.2), (0.3, 0.3), (-0.1, -0.1), fill_mode="constant"
    )
    run, drawn = the_run(layer, 1)
    size = (11, 14)
    shear = {name: float(drawn[0]["RandomShear"][name][0]) for name in ("y", "x")}
    forward = (
        oracle.translation(size, -0.1, -0.1)
        @ oracle.zoom(size, 1.3, 1.3)
        @ oracle.shear(size, **shear)
        @ oracle.rotation(size, 0.1)
    )
    points = np.array([[0, 0], [10, 13], [2.5, -4], [30, 7]], "float32")
    moved = run.move_points(tf.constant(points[None]), size, drawn)[0]
    expected = (forward @ np.c_[points, np.ones(4)].T)[:2].T
    np.testing.assert_allclose(moved, expected, atol=1e-4)
