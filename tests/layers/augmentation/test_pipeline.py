"""What a pipeline plans, and what fusing changes."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from oracles import augmentation as oracle
from sklearn.datasets import load_sample_image

from keras_trainkit import layers
from keras_trainkit.layers.augmentation import structures

pytestmark = pytest.mark.usefixtures("uncompiled")

IMAGES = np.random.default_rng(8).integers(0, 256, (4, 12, 10, 3)).astype("uint8")


def test_neighbours_of_one_kind_share_a_pass():
    pipeline = layers.Pipeline(
        [
            layers.RandomRotation(0.1),
            layers.RandomCrop(10, 10, padding=1),
            layers.RandomZoom(0.6),
            layers.RandomBrightness(0.1),
            layers.RandomHue(0.1),
            layers.Cutout(3),
            layers.RandomContrast(0.1),
            layers.Normalization(0.0, 1.0),
            layers.MixUp(),
        ],
        fill_mode="nearest",
    )
    assert str(pipeline.plan()).splitlines() == [
        "9 operations in 3 passes",
        "  1. one bilinear warp of 2x2 samples a pixel, border nearest: "
        "RandomRotation, RandomCrop, RandomZoom",
        "  2. one pass over the pixels: colour matrix: RandomBrightness, RandomHue; mask: Cutout; "
        "colour matrix: RandomContrast; normalisation: Normalization",
        "  3. mix: MixUp",
    ]
    assert len(layers.Pipeline(pipeline.layers, fuse=False, fill_mode="nearest").plan().passes) == 9
    assert str(pipeline.plan(training=False)).splitlines() == [
        "2 operations in 2 passes",
        "  1. one move of whole pixels, border nearest: RandomCrop",
        "  2. one pass over the pixels: normalisation: Normalization",
    ]


def test_nothing_is_reordered():
    turn, bright = layers.RandomRotation(0.1), layers.RandomBrightness(0.1)
    plan = layers.Pipeline([turn, bright, turn, bright]).plan()
    assert [op.title for each in plan.passes for op in each.operations] == [
        "RandomRotation",
        "RandomBrightness",
        "RandomRotation",
        "RandomBrightness",
    ]


def test_the_kind_of_resampling_is_the_least_general_that_will_do():
    def first_pass(*members, **settings):
        return str(layers.Pipeline(members, **settings).plan().passes[0])

    flip, shift, turn = (
        layers.RandomFlip(),
        layers.RandomTranslation(0.1, 0.1),
        layers.RandomShear(0.1),
    )
    assert first_pass(flip).startswith("one move of whole pixels")
    assert first_pass(flip, shift).startswith("rows, then columns, by the triangle filter")
    assert first_pass(flip, shift, turn).startswith("one bilinear warp, border reflect")
    assert first_pass(shift, interpolation="nearest").startswith("one nearest warp")


def test_an_inner_pipeline_is_unfolded():
    inner = layers.Pipeline([layers.RandomFlip(), layers.RandomCrop(8, 8)])
    outer = layers.Pipeline([inner, layers.RandomFlip()], seed=4)
    flat = layers.Pipeline([*inner.layers, layers.RandomFlip()], seed=4)
    assert len(outer.plan().passes) == 1
    assert np.array_equal(outer(IMAGES), flat(IMAGES))


def test_a_layer_alone_is_a_pipeline_of_one():
    alone = layers.RandomRotation(0.2, fill_mode="wrap", seed=9)
    pipeline = layers.Pipeline([layers.RandomRotation(0.2)], fill_mode="wrap", seed=9)
    assert np.array_equal(alone(IMAGES), pipeline(IMAGES))


def test_a_second_crop_beyond_the_border_meets_its_own_border():
    """It must not see again what the first crop cut away."""
    crops = [layers.RandomCrop(6, 6), layers.RandomCrop(10, 10, padding=2)]
    pipeline = layers.Pipeline(crops, fill_mode="constant")
    assert len(pipeline.plan().passes) == 2
    result = pipeline(np.full((3, 12, 12, 1), 9, "uint8")).numpy()
    assert ((result == 9).sum((1, 2, 3)) == 36).all()


@pytest.mark.parametrize("dtype", ["uint8", "float16", "bfloat16", "float32", "float64"])
def test_output_dtype(dtype):
    members = [layers.RandomRotation(0.1), layers.RandomBrightness(0.1)]
    precise = layers.Pipeline(members, output_dtype="float64", seed=1)(IMAGES)
    for images in (IMAGES, IMAGES.astype("float32")):
        result = layers.Pipeline(members, output_dtype=dtype, seed=1)(images)
        assert result.dtype == dtype
        step = {"uint8": 0.5, "bfloat16": 0.5, "float16": 0.0625}.get(dtype, 0)
        np.testing.assert_allclose(tf.cast(result, "float64"), precise, atol=step + 1e-4)
    whole = layers.Pipeline([layers.RandomFlip(p=1.0), layers.Normalization(0.0, 1.0)])
    assert whole(IMAGES).dtype == "float32"
    back = layers.Pipeline([layers.Normalization(100.0, 1.0)], output_dtype="uint8")
    assert np.array_equal(back(IMAGES), np.clip(IMAGES.astype(int) - 100, 0, 255))


def test_levels_are_rounded_once_at_the_end():
    """Rounded after each step, eight steps of a tenth of a level would be none."""
    members = [layers.RandomBrightness((0.1 / 255, 0.1 / 255))] * 4
    levels = np.full((1, 2, 2, 3), 10, "uint8")
    pipeline = layers.Pipeline([*members, layers.Cutout(1), *members], fill_mode="nearest")
    assert pipeline(levels).numpy().max() == 11  # 10.8, which steps of 10.1 never reach


@pytest.mark.parametrize("fill_mode", ["constant", "reflect"])
def test_fusing_changes_little(fill_mode, photo):
    """Inside the image: what a chain finds beyond the border differs by design."""
    members = [
        layers.RandomRotation(0.02),
        layers.RandomTranslation(0.02, 0.02),
        layers.RandomBrightness(0.05),
        layers.RandomContrast(0.2),
    ]
    images = np.stack([photo] * 4).astype("float32")
    fused, unfused = (
        layers.Pipeline(members, fuse=fuse, fill_mode=fill_mode, seed=2)(images)
        for fuse in (True, False)
    )
    inside = (slice(None), slice(12, -12), slice(12, -12))
    assert oracle.psnr(fused.numpy()[inside], unfused.numpy()[inside]) > 27


def test_four_warps_in_one_are_sharper_than_four_in_a_row():
    """By more than five decibels, against one warp by cubic splines."""
    photo = load_sample_image("china.jpg")[60:380, 100:500].astype("float32")
    size = photo.shape[:2]
    members = [
        layers.RandomRotation((0.03, 0.03)),
        layers.RandomShear((0.05, 0.05)),
        layers.RandomTranslation((0.013, 0.013), (-0.017, -0.017)),
        layers.RandomZoom((-0.05, -0.05)),
    ]
    slant = layers.Pipeline(members).parameters()["RandomShear"]["x"][0]  # its sign is drawn
    forward = (
        oracle.zoom(size, 0.95, 0.95)
        @ oracle.translation(size, 0.013, -0.017)
        @ oracle.shear(size, 0, slant)
        @ oracle.rotation(size, 0.03)
    )
    reference = oracle.warp(photo, forward, "reflect", order=3)
    inside = (slice(60, -60), slice(60, -60))
    fused, unfused = (
        oracle.psnr(warped(layers.Pipeline(members, fuse=fuse), photo)[inside], reference[inside])
        for fuse in (True, False)
    )
    assert fused > 30
    assert fused > unfused + 5


def warped(pipeline, photo):
    """With the draws that `parameters` shows."""
    drawn = pipeline.plan().draw(tf.constant([0, 0], tf.uint32), tf.range(1))
    sample = structures.unpack(pipeline, photo)
    return structures.pack(pipeline.plan()(pipeline, sample, drawn)).numpy()


def test_parameters_are_those_of_the_plan():
    pipeline = layers.Pipeline(
        [layers.RandomFlip(), layers.RandomAffine(0.1), layers.Normalization(0.0, 1.0)]
    )
    parameters = pipeline.parameters(seed=5, n=3)
    assert list(parameters) == ["RandomFlip", "RandomAffine"]
    key = tf.constant([5, 0], tf.uint32)
    drawn = pipeline.plan().draw(key, tf.range(3))
    assert np.array_equal(parameters["RandomFlip"]["vertical"], drawn[0]["vertical"])
    angle = parameters["RandomAffine"]["RandomRotation"]["angle"]
    assert angle.shape == (3,)
    assert np.array_equal(angle, drawn[1]["RandomRotation"]["angle"])
    longer = pipeline.parameters(seed=5, n=7)["RandomFlip"]["vertical"]
    assert np.array_equal(longer[:3], parameters["RandomFlip"]["vertical"])


def test_a_layer_of_keras_stands_in_as_it_is():
    pipeline = layers.Pipeline(
        [layers.RandomFlip(p=1.0), keras.layers.Rescaling(0.5), keras.layers.CenterCrop(6, 4)]
    )
    flipped = IMAGES[:, ::-1, ::-1] * 0.5
    assert np.array_equal(pipeline(IMAGES), np.rint(flipped[:, 3:9, 3:7]))
    assert pipeline.compute_output_shape((None, 12, 10, 3)) == (None, 6, 4, 3)
    again = layers.Pipeline.from_config(pipeline.get_config())
    assert np.array_equal(again(IMAGES), pipeline(IMAGES))
    evaluated = layers.Pipeline([keras.layers.RandomFlip(), layers.RandomFlip()])
    assert np.array_equal(evaluated(IMAGES, training=False), IMAGES)
