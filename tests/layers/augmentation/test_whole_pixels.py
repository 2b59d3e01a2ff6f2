"""Flips and whole-pixel crops: fused, one after the other, and as NumPy does them."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracles import augmentation as oracle

from keras_trainkit import layers
from keras_trainkit.layers.augmentation.algebra.resampling import FILL_MODES

lengths = st.integers(1, 9)


@st.composite
def moves(draw, size):
    """Flips and crops that fit one after the other on images of this size."""
    height, width = size
    steps = []
    for _ in range(draw(st.integers(1, 5))):
        p = draw(st.sampled_from([0.0, 0.5, 1.0]))
        if draw(st.booleans()):
            mode = draw(st.sampled_from(["horizontal", "vertical", "horizontal_and_vertical"]))
            steps.append((layers.RandomFlip, {"mode": mode, "p": p}))
            continue
        padding = draw(st.sampled_from([0, 1, 4]))
        height = draw(st.integers(1, height + 2 * padding))
        width = draw(st.integers(1, width + 2 * padding))
        window = {"height": height, "width": width, "padding": padding, "p": p}
        steps.append((layers.RandomCrop, window))
    return steps


@st.composite
def chains(draw):
    size = draw(st.tuples(lengths, lengths))
    return draw(moves(size)), size, draw(st.sampled_from(FILL_MODES))


def by_numpy(steps, images, drawn, fill_mode):
    """One image and one step at a time."""
    results = []
    for i, image in enumerate(images):
        for step, parameters in zip(steps, drawn, strict=True):
            own = {name: values[i].numpy() for name, values in parameters.items()}
            if isinstance(step, layers.RandomFlip):
                image = np.flip(
                    image, [k for k, a in enumerate(("vertical", "horizontal")) if own[a]]
                )
                continue
            places = []
            for side, length, share in zip(
                (step.height, step.width), image.shape, (own["top"], own["left"]), strict=False
            ):
                room = length + 2 * step.padding - side
                places.append(int(np.float32(share) * (room + 1)) if own["applied"] else room // 2)
            image = oracle.pad_and_crop(
                image, step.padding, *places, step.height, step.width, fill_mode, 77
            )
        results.append(image)
    return np.stack(results)


@pytest.mark.usefixtures("uncompiled")
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(chains(), st.integers(0, 2**31))
def test_fused_moves_are_the_same_to_the_bit(chain, seed):
    described, size, fill_mode = chain
    steps = [cls(**arguments) for cls, arguments in described]
    images = np.random.default_rng(seed).integers(0, 256, (3, *size, 1)).astype("uint8")
    border = {"fill_mode": fill_mode, "fill_value": 77}
    fused, unfused = (
        layers.Pipeline(steps, fuse=fuse, seed=seed, **border) for fuse in (True, False)
    )
    assert len(fused.plan().passes) <= len(unfused.plan().passes) == len(steps)
    result = fused(images)
    assert np.array_equal(result, unfused(images))

    drawn = fused.plan().draw(tf.constant([seed, 0], tf.uint32), tf.range(3))
    assert np.array_equal(result, by_numpy(steps, images, drawn, fill_mode))


def test_a_crop_and_a_flip_are_one_gather():
    plan = layers.Pipeline([layers.RandomCrop(8, 8, padding=2), layers.RandomFlip()]).plan()
    assert "one move of whole pixels, border reflect: RandomCrop, RandomFlip" in str(plan)
    assert len(plan.passes) == 1
