"""Images of any shape and dtype: Hypothesis looks for those for which a law fails."""

import numpy as np
import pytest
import tensorflow as tf
from augmentation_regimes import each_case
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

DTYPES = ("uint8", "float16", "bfloat16", "float32", "float64")


@pytest.fixture(autouse=True, scope="module")
def uncompiled():
    """Operation by operation, so that new shapes cost nothing."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@each_case
@settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_images_of_any_shape_and_dtype(case, data, layer_of):
    layer = layer_of(case)
    shape = (
        data.draw(st.integers(1, 5), "images"),
        data.draw(st.integers(1, 19), "height"),
        data.draw(st.integers(1, 19), "width"),
        data.draw(st.sampled_from((1, 3, 4)), "channels"),
    )
    dtype = data.draw(st.sampled_from(DTYPES), "dtype")
    rng = np.random.default_rng(data.draw(st.integers(0, 99), "seed"))
    images = tf.cast(rng.integers(0, 256, shape), dtype)
    labels = rng.integers(0, 10, shape[0])
    if refusal := reason_to_refuse(case, shape):
        with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match=refusal):
            layer(images, labels)
        return
    result, mixed = layer(images, labels)
    assert tuple(result.shape) == layer.compute_output_shape(shape)
    assert result.dtype == ("float32" if case.gives_float else dtype)
    values = tf.cast(result, tf.float64).numpy()
    assert np.isfinite(values).all()
    if case.cls.__name__ != "Normalization":
        # a value that bfloat16 rounds may come to stand a little beyond white
        assert values.min() >= 0
        assert values.max() <= 256
    if case.mixes:
        np.testing.assert_allclose(np.sum(mixed, axis=1), 1, atol=1e-6)
    else:
        assert np.array_equal(mixed, labels)


def reason_to_refuse(case, shape):
    """A part of the sentence with which these images have to be refused, if they have to."""
    _, height, width, channels = shape
    if channels not in case.channels:
        return "channels|one a channel"
    needed = case.smallest
    if height < needed[0] or width < needed[1]:
        return "must be at most the image's"
    return None
