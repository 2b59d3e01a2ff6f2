"""`RandomApply` and `RandomChoice`: one decision an image over several operations."""

import re

import numpy as np
import pytest
import tensorflow as tf

from keras_trainkit import layers
from keras_trainkit.layers.augmentation import structures

FLIP = layers.RandomFlip()
IMAGES = np.random.default_rng(3).uniform(40, 200, (2000, 2, 3, 1)).astype("float32")


def test_all_or_none(uncompiled):
    group = layers.RandomApply(
        [layers.RandomFlip("horizontal", p=1.0), layers.RandomBrightness((0.1, 0.1))], 0.3, seed=1
    )
    result = group(IMAGES).numpy()
    alone = np.isclose(result, IMAGES).all((1, 2, 3))
    both = np.isclose(result, IMAGES[:, :, ::-1] + 25.5, atol=1e-3).all((1, 2, 3))
    assert (alone ^ both).all()
    assert both.mean() == pytest.approx(0.3, abs=0.04)


def test_one_of_several_with_its_probability(uncompiled):
    shifts = (0.1, 0.2, -0.1)
    choice = layers.RandomChoice(
        [
            layers.RandomBrightness((shifts[0],) * 2),
            layers.Pipeline([layers.RandomBrightness((shifts[1] / 2,) * 2)] * 2),
            layers.RandomBrightness((shifts[2],) * 2),
        ],
        probabilities=(2, 1, 1),
        seed=1,
    )
    moved = (choice(IMAGES).numpy() - IMAGES).mean((1, 2, 3)) / 255
    shares = [np.isclose(moved, shift, atol=1e-3).mean() for shift in shifts]
    assert sum(shares) == 1
    np.testing.assert_allclose(shares, [0.5, 0.25, 0.25], atol=0.04)


def test_choices_are_equally_likely_by_default(uncompiled):
    shifts = (0.1, 0.2, -0.1)
    members = [layers.RandomBrightness((shift, shift)) for shift in shifts]
    moved = (layers.RandomChoice(members, seed=2)(IMAGES).numpy() - IMAGES).mean((1, 2, 3)) / 255
    shares = [np.isclose(moved, shift, atol=1e-3).mean() for shift in shifts]
    np.testing.assert_allclose(shares, 1 / 3, atol=0.04)


def test_gates_stand_inside_gates(uncompiled):
    inner = layers.RandomApply([layers.RandomBrightness((0.1, 0.1), p=0.5)], p=0.5)
    outer = layers.RandomChoice([inner, layers.RandomBrightness((0.2, 0.2))])
    moved = (layers.Pipeline([outer], seed=4)(IMAGES).numpy() - IMAGES).mean((1, 2, 3)) / 255
    shares = [np.isclose(moved, shift, atol=1e-3).mean() for shift in (0.0, 0.1, 0.2)]
    np.testing.assert_allclose(shares, [0.375, 0.125, 0.5], atol=0.04)


@pytest.mark.parametrize(
    "around",
    [
        lambda once: once,
        lambda once: layers.Pipeline([once]),
        lambda once: layers.RandomApply([once], p=1.0),
        lambda once: layers.RandomChoice([once]),
    ],
)
def test_two_places_do_not_share_a_coin(around, uncompiled):
    once = around(layers.RandomApply([layers.RandomBrightness((0.1, 0.1))]))
    moved = (layers.Pipeline([once, once], seed=4)(IMAGES).numpy() - IMAGES).mean((1, 2, 3)) / 255
    shares = [np.isclose(moved, shift, atol=1e-3).mean() for shift in (0.0, 0.1, 0.2)]
    np.testing.assert_allclose(shares, [0.25, 0.5, 0.25], atol=0.04)


def test_members_share_passes_with_their_neighbours():
    pipeline = layers.Pipeline(
        [
            layers.RandomRotation(0.1),
            layers.RandomChoice([layers.RandomShear(0.1), layers.RandomZoom(0.1)]),
            layers.RandomApply([layers.RandomBrightness(0.2)]),
            layers.RandomContrast(0.2),
        ]
    )
    assert str(pipeline.plan()).splitlines()[0] == "5 operations in 2 passes"


def test_parameters_say_which_operation_acts():
    choice = layers.RandomChoice([layers.RandomFlip("horizontal", p=1.0), layers.Cutout(3)])
    drawn = choice.parameters(seed=3, n=50)
    flips, cuts = drawn["RandomFlip"]["horizontal"], drawn["Cutout"]["applied"]
    assert (flips ^ cuts).all()
    assert 0 < flips.sum() < 50


def test_the_components_of_a_member_are_adapted():
    images = np.random.default_rng(1).uniform(0, 255, (20, 4, 4, 3)).astype("float32")
    jitter = layers.PCAColorJitter()
    group = layers.RandomApply([jitter], p=1.0, seed=2)
    before = group(images).numpy()
    group.adapt(images)
    assert jitter.revision == 1
    again = layers.RandomApply([layers.PCAColorJitter()], p=1.0, seed=2)
    again(images)
    assert not np.allclose(group(images), again(images))
    assert before.shape == images.shape


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (
            lambda: layers.RandomApply([layers.RandomCrop(4, 4)]),
            "`RandomApply`: `layers` must hold no operation that also acts where chance is off, "
            "got 'RandomCrop'. Put RandomCrop beside it in a Pipeline.",
        ),
        (
            lambda: layers.RandomChoice([layers.MixUp(num_classes=3), layers.RandomFlip()]),
            "`RandomChoice`: `layers` must be all of them mixes, or none, got ['MixUp', 'Rand",
        ),
        (
            lambda: layers.RandomChoice([layers.MixUp(num_classes=3), layers.CutMix()]),
            "`RandomChoice`: `layers` must mix labels of the same `num_classes`, got [3, None].",
        ),
        (
            lambda: layers.RandomChoice([layers.RandomFlip()], probabilities=[0.0]),
            "`RandomChoice`: `probabilities` must not be negative, nor all be 0, got [0.0].",
        ),
        (
            lambda: layers.RandomChoice([layers.RandomFlip()], probabilities=[0.5, 0.5]),
            "`RandomChoice`: `probabilities` must be a sequence of 1 finite numbers",
        ),
        (
            lambda: layers.RandomApply([layers.RandomRotation(0.1, fill_mode="wrap")]),
            "`RandomApply`: `fill_mode` must be the same throughout, here 'reflect', got 'wrap'.",
        ),
        (
            lambda: layers.RandomChoice([layers.Pipeline([FLIP], output_dtype="float32")]),
            "`RandomChoice`: `output_dtype` must be the same throughout, here None, got 'float32'.",
        ),
        (
            lambda: layers.RandomApply([tf.keras.layers.Rescaling(2.0)]),
            "`RandomApply`: `layers` must hold this package's augmentations, got 'Rescaling'.",
        ),
        (
            lambda: layers.RandomApply([layers.RandomFlip()], p=1.5),
            "`RandomApply`: `p` must be a probability between 0 and 1, got 1.5.",
        ),
    ],
)
def test_what_is_refused(build, sentence):
    with pytest.raises(ValueError, match="^" + re.escape(sentence)):
        build()


BATCH = np.random.default_rng(5).uniform(0, 255, (6, 8, 8, 3)).astype("float32")
ONE_HOT = np.eye(6, dtype="float32")
LABELS = np.eye(300, dtype="float32")


def mix_of(images, labels):
    """Which mix made these of `BATCH`: every pixel is somebody's only after CutMix."""
    stood = (images[:, None] == BATCH[None]).all(-1).any(1)
    assert np.isclose(labels.sum(1), 1).all()
    return "CutMix" if stood.all() else "MixUp"


def test_one_mix_for_each_batch(uncompiled):
    choice = layers.RandomChoice(
        [layers.MixUp(1.0), layers.CutMix(1.0)], probabilities=(1, 3), seed=1
    )
    kinds = [mix_of(*(part.numpy() for part in choice(BATCH, ONE_HOT))) for _ in range(150)]
    assert kinds.count("CutMix") / 150 == pytest.approx(0.75, abs=0.1)


@pytest.mark.parametrize("chosen", [0, 1])
def test_a_chosen_mix_is_the_mix(chosen, uncompiled):
    mixes = [layers.MixUp(0.5, p=0.7), layers.CutMix(0.7)]
    choice = layers.RandomChoice(mixes, probabilities=np.eye(2)[chosen])
    plan = choice.plan()
    (drawn,) = plan.draw(tf.constant([4, 1], tf.uint32), tf.range(6))
    result = plan(choice, structures.unpack(choice, (BATCH, ONE_HOT)), (drawn,))
    own = drawn["drawn"][chosen]
    alone = mixes[chosen].plan()
    parameters = {**own, "applied": drawn["applied"], "partner": drawn["partner"]}
    expected = alone(mixes[chosen], structures.unpack(choice, (BATCH, ONE_HOT)), (parameters,))
    np.testing.assert_allclose(result.images, expected.images)
    np.testing.assert_allclose(result.labels, expected.labels)
    assert not np.array_equal(result.images, BATCH)


def test_a_mix_is_chosen_behind_its_own_gate(uncompiled):
    mixes = [layers.RandomApply([mix], p=0.5) for mix in (layers.MixUp(1.0), layers.CutMix(1.0))]
    images, labels = layers.RandomChoice(mixes, seed=1)(np.tile(BATCH, (50, 1, 1, 1)), LABELS)
    alone = np.equal(labels, LABELS).all(1)
    assert alone.mean() == pytest.approx(0.5, abs=0.1)
    assert np.array_equal(images[alone], np.tile(BATCH, (50, 1, 1, 1))[alone])


def test_mixes_are_chosen_in_the_kernels_of_xla_too():
    choice = layers.RandomChoice([layers.MixUp(num_classes=6), layers.CutMix(num_classes=6)])
    pipeline = layers.Pipeline([layers.RandomFlip("horizontal"), choice], seed=3)
    assert "mix: MixUp or CutMix" in str(pipeline.plan())
    dataset = tf.data.Dataset.from_tensors((BATCH.astype("uint8"), np.arange(6))).repeat(20)
    sums = [labels.numpy().sum(1) for _, labels in pipeline.map(dataset)]
    np.testing.assert_allclose(sums, 1, atol=1e-6)
    images, labels = pipeline(BATCH[:0].astype("uint8"), np.arange(0))
    assert images.shape == (0, 8, 8, 3)
    assert labels.shape == (0, 6)


def test_boxes_follow_the_chosen_mix(uncompiled):
    boxes = {"boxes": np.tile([[[0.0, 0, 8, 8]]], (6, 1, 1)), "labels": np.zeros((6, 1))}
    data = {"images": BATCH, "bounding_boxes": boxes}
    mixes = [layers.MixUp(), layers.CutMix()]
    for shares, whole in (((1, 0), True), ((0, 1), False)):
        choice = layers.RandomChoice(mixes, shares, bounding_box_format="xyxy", seed=2)
        joined = choice(data)["bounding_boxes"]["boxes"].numpy()
        assert joined.shape == (6, 2, 4)
        assert (joined == [0, 0, 8, 8]).all() == whole
