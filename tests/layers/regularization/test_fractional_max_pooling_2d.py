"""Fractional max pooling: its sequences, its values and its gradients."""

from fractions import Fraction
from itertools import pairwise

import keras
import numpy as np
import pytest
from gradients import gradients
from keras import ops
from oracles import fractional_pooling as oracle

from keras_trainkit.layers import FractionalMaxPooling2D
from keras_trainkit.layers.regularization import _fractional_regions as regions
from keras_trainkit.layers.regularization._fractional_max import fractional_max

RATIOS = ["1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7", "1.8", "1.9"]
LENGTHS = [*range(1, 13), 19, 25, 32, 51, 64]
on_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="TensorFlow's own operation"
)
each_kind = pytest.mark.parametrize("pseudo_random", [False, True], ids=["random", "pseudo"])
each_overlap = pytest.mark.parametrize("overlapping", [False, True], ids=["disjoint", "overlap"])


def ints(tensor):
    return ops.convert_to_numpy(tensor).tolist()


def check_boundaries(boundaries, length, count):
    assert len(boundaries) == count + 1
    assert (boundaries[0], boundaries[-1]) == (0, length)
    assert {b - a for a, b in pairwise(boundaries)} <= {1, 2}


@pytest.mark.parametrize("ratio", RATIOS)
def test_the_number_of_regions(ratio):
    for length in range(1, 200):
        count = regions.count_regions(length, float(ratio))
        floor = int(length / Fraction(ratio))
        assert count == max(floor, (length + 1) // 2)
        assert count == floor or length < 20
        assert count == int(regions.count_regions(ops.array(length, "int32"), float(ratio)))


@pytest.mark.parametrize("ratio", RATIOS)
def test_random_boundaries_are_the_papers(ratio):
    seed = keras.random.SeedGenerator(1)
    for length in LENGTHS:
        count = regions.count_regions(length, float(ratio))
        check_boundaries(ints(regions.random_boundaries(length, count, seed)), length, count)


@pytest.mark.parametrize("ratio", RATIOS)
def test_pseudo_random_boundaries_are_the_papers(ratio):
    for length in LENGTHS:
        count = regions.count_regions(length, float(ratio))
        middle = regions.pseudo_random_boundaries(length, count, regions.middle_phase(length))
        check_boundaries(ints(middle), length, count)
        assert ints(middle) == oracle.pseudo_random(length, count, Fraction(1, 2))


@pytest.mark.parametrize(("length", "count"), [(25, 18), (12, 11), (7, 4), (10, 5)])
def test_every_phase_is_a_u(length, count):
    drawn = set()
    for phase in range(count):
        boundaries = ints(regions.pseudo_random_boundaries(length, count, phase))
        check_boundaries(boundaries, length, count)
        for u in (Fraction(phase + 1, length), Fraction(2 * phase + 1, 2 * length)):
            assert boundaries == oracle.pseudo_random(length, count, u)
        drawn.add(tuple(boundaries))
    # and no u in (0, 1) gives another sequence that starts at the paper's 1
    fine = [Fraction(i, 997) for i in range(1, 997)]
    starts_at_one = [u for u in fine if u <= Fraction(count, length)]
    assert {tuple(oracle.pseudo_random(length, count, u)) for u in starts_at_one} == drawn


def test_every_sequence_is_as_likely():
    seed = keras.random.SeedGenerator(2)
    # 7 pixels in 4 regions: one of them is narrow; and four phases
    random = [tuple(ints(regions.random_boundaries(7, 4, seed))) for _ in range(800)]
    phases = [int(regions.drawn_phase(4, seed)) for _ in range(800)]
    for draws in (random, phases):
        _, counts = np.unique(draws, axis=0, return_counts=True)
        assert len(counts) == 4
        assert ((counts - 200) ** 2 / 200).sum() < 16.3  # chi-squared, p = 0.001


def images_that_tell(rng, batch, height, width):
    """Channels: the row, the column, and noise with ties and negative numbers."""
    y, x = np.mgrid[:height, :width].astype("float32")
    noise = rng.integers(-9, 9, (batch, height, width, 2)).astype("float32")
    shape = (batch, height, width, 1)
    return np.concatenate([np.broadcast_to(a[..., None], shape) for a in (y, x)] + [noise], axis=-1)


def boundaries_told(line, length, overlapping):
    """The boundaries, from the last element of each region."""
    ends = [int(last) + (not overlapping) for last in line]
    return [0, *ends[:-1], length]


@each_kind
@each_overlap
@pytest.mark.parametrize(("height", "width", "ratio"), [(11, 14, (1.3, 1.75)), (8, 5, 2**0.5)])
def test_every_pooled_value(pseudo_random, overlapping, height, width, ratio):
    layer = FractionalMaxPooling2D(ratio, pseudo_random, overlapping, seed=1)
    images = images_that_tell(np.random.default_rng(0), 3, height, width)
    seen = set()
    for training in (True, True, False):
        pooled = ops.convert_to_numpy(layer(images, training=training))
        rows = boundaries_told(pooled[0, :, 0, 0], height, overlapping)
        columns = boundaries_told(pooled[0, 0, :, 1], width, overlapping)
        for boundaries, length, count in zip(
            (rows, columns), (height, width), pooled.shape[1:3], strict=True
        ):
            check_boundaries(boundaries, length, count)
            if not training:
                assert boundaries == oracle.pseudo_random(length, count, Fraction(1, 2))
        # one pair of sequences for all images and channels
        np.testing.assert_array_equal(pooled, oracle.pool(images, rows, columns, overlapping))
        assert pooled.shape == layer.compute_output_shape(images.shape)
        seen.add((*rows, *columns))
    assert len(seen) > 1


@on_tensorflow
@each_kind
@each_overlap
@pytest.mark.parametrize(("height", "width", "ratio"), [(13, 16, (1.3, 1.75)), (24, 9, (1.9, 1.1))])
def test_values_and_gradients_are_tensorflows(pseudo_random, overlapping, height, width, ratio):
    import tensorflow as tf

    rng = np.random.default_rng(1)
    images = tf.constant(rng.normal(size=(2, height, width, 3)).astype("float32"))
    with tf.GradientTape() as tape:
        tape.watch(images)
        theirs, rows, columns = tf.nn.fractional_max_pool(
            images, [1, *ratio, 1], pseudo_random, overlapping, seed=3
        )
    upstream = rng.integers(-9, 9, theirs.shape).astype("float32")  # sums are exact

    def ours(images):
        pooled = fractional_max(images, tf.cast(rows, "int32"), 1, overlapping)
        return fractional_max(pooled, tf.cast(columns, "int32"), 2, overlapping)

    np.testing.assert_array_equal(ours(images), theirs)
    np.testing.assert_array_equal(
        gradients(lambda images: ops.sum(ours(images) * upstream), images)[0],
        tape.gradient(theirs, images, upstream),
    )


@each_overlap
@pytest.mark.parametrize("boundaries", [[0, 2, 3, 5, 6], [0, 1, 2, 4, 6], [0, 2, 4, 6]], ids=str)
@pytest.mark.parametrize("axis", [1, 2])
def test_the_gradient_is_that_of_finite_differences(overlapping, boundaries, axis):
    # Whole numbers, all different, and a step that changes no order: the differences are exact.
    dtype = "float32" if keras.backend.backend() == "jax" else "float64"
    rng = np.random.default_rng(2)
    x = rng.permutation(2 * 6 * 6).reshape(2, 6, 6).astype(dtype)
    boundaries = ops.array(boundaries, "int32")
    weights = rng.integers(1, 9, ops.shape(fractional_max(x, boundaries, axis, overlapping)))

    def value(x):
        pooled = fractional_max(ops.convert_to_tensor(x), boundaries, axis, overlapping)
        return ops.sum(pooled * ops.array(weights, dtype))

    expected = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[index] = 0.25
        difference = value(x + step) - value(x - step)
        expected[index] = ops.convert_to_numpy(difference) / 0.5
    np.testing.assert_array_equal(gradients(value, x)[0], expected)


@each_kind
@each_overlap
def test_of_equal_pixels_one_gets_the_gradient(pseudo_random, overlapping):
    layer = FractionalMaxPooling2D(1.4, pseudo_random, overlapping, seed=4)
    x = np.zeros((1, 9, 9, 1), "float32")
    (gradient,) = gradients(lambda x: ops.sum(layer(x, training=True)), x)
    count = layer.compute_output_shape(x.shape)[1]
    assert gradient.sum() == count * count
    assert set(np.unique(gradient)) == {0, 1}  # the first: it is no other region's first


def test_the_seed_decides():
    def draws(**arguments):
        layer = FractionalMaxPooling2D(1.4, **arguments)
        images = images_that_tell(np.random.default_rng(3), 1, 40, 40)
        return [ops.convert_to_numpy(layer(images, training=True)) for _ in range(3)]

    for pseudo_random in (False, True):
        first, second, third = draws(pseudo_random=pseudo_random, seed=5)
        assert (first != second).any()
        assert (second != third).any()
        assert (draws(pseudo_random=pseudo_random, seed=5)[2] == third).all()
        assert (draws(pseudo_random=pseudo_random, seed=6)[2] != third).any()


def test_at_test_time_regions_are_fixed_or_drawn():
    images = images_that_tell(np.random.default_rng(3), 1, 40, 40)

    def outcomes(layer):
        return {ops.convert_to_numpy(layer(images, training=False)).tobytes() for _ in range(4)}

    assert len(outcomes(FractionalMaxPooling2D(1.4))) == 1
    assert len(outcomes(FractionalMaxPooling2D(1.4, draw_at_test=True))) == 4


def test_channels_first():
    images = images_that_tell(np.random.default_rng(3), 2, 12, 9)
    last = FractionalMaxPooling2D((1.3, 1.6), overlapping=True, seed=6)
    first = FractionalMaxPooling2D(
        (1.3, 1.6), overlapping=True, seed=6, data_format="channels_first"
    )
    moved = first(images.transpose(0, 3, 1, 2), training=True)
    assert first.compute_output_shape((None, 4, 12, 9)) == (None, *moved.shape[1:])
    np.testing.assert_array_equal(
        ops.convert_to_numpy(moved).transpose(0, 2, 3, 1), last(images, training=True)
    )


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float16", "bfloat16"])
def test_other_dtypes(dtype):
    images = np.random.default_rng(4).integers(0, 256, (2, 7, 9, 2))
    layer = FractionalMaxPooling2D(1.5, overlapping=True, dtype=dtype if "float" in dtype else None)
    pooled = layer(ops.cast(images, dtype))
    assert keras.backend.standardize_dtype(pooled.dtype) == dtype
    symbol = layer(keras.Input((7, 9, 2), dtype=dtype))
    assert (symbol.shape, symbol.dtype) == ((None, *pooled.shape[1:]), dtype)
    rows, columns = (
        oracle.pseudo_random(*sizes, Fraction(1, 2))
        for sizes in zip((7, 9), pooled.shape[1:3], strict=True)
    )
    np.testing.assert_array_equal(
        ops.convert_to_numpy(ops.cast(pooled, "int32")), oracle.pool(images, rows, columns, True)
    )


@on_tensorflow
@each_overlap
def test_xla_gives_the_same_values_and_gradients(overlapping):
    import tensorflow as tf

    def step(images, rows, columns):
        with tf.GradientTape() as tape:
            tape.watch(images)
            pooled = fractional_max(images, rows, 1, overlapping)
            pooled = fractional_max(pooled, columns, 2, overlapping)
        return pooled, tape.gradient(pooled, images, tf.square(pooled))

    seed = keras.random.SeedGenerator(7)
    images = tf.constant(np.random.default_rng(5).normal(size=(2, 15, 12, 3)).astype("float32"))
    drawn = (regions.random_boundaries(15, 11, seed), regions.random_boundaries(12, 7, seed))
    compiled = tf.function(step, jit_compile=True, autograph=False)
    for ours, expected in zip(compiled(images, *drawn), step(images, *drawn), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-6)


def small_model(shape=(9, 9, 3), **arguments):
    return keras.Sequential(
        [
            keras.Input(shape),
            keras.layers.Conv2D(4, 3, padding="same"),
            FractionalMaxPooling2D(1.5, seed=3, name="pool", **arguments),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(1),
        ]
    )


@pytest.mark.parametrize("jit", [False, True])
def test_trains_inside_a_model(jit):
    if jit and keras.backend.backend() == "torch":
        pytest.skip("Keras compiles no such model with torch")
    again = FractionalMaxPooling2D(1.3, pseudo_random=True)
    model = keras.Sequential(
        [*small_model(overlapping=True).layers[:2], again, keras.layers.Flatten()]
    )
    model.compile("sgd", "mse", jit_compile=jit)
    x = np.random.default_rng(0).normal(size=(8, 9, 9, 3)).astype("float32")
    before = model.layers[0].get_weights()[0]
    history = model.fit(x, np.zeros((8, 64)), batch_size=4, epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    assert (model.layers[0].get_weights()[0] != before).all()


@pytest.mark.parametrize("jit", [False, True])
def test_sizes_unknown_to_the_model(jit):
    if jit and keras.backend.backend() == "torch":
        pytest.skip("Keras compiles no such model with torch")
    unknown = small_model((None, None, 3))
    assert unknown.get_layer("pool").output.shape == (None, None, None, 4)
    unknown.compile("sgd", "mse", jit_compile=jit)
    for size in (7, 10):
        known = small_model((size, size, 3))
        known.set_weights(unknown.get_weights())
        x = np.random.default_rng(0).normal(size=(3, size, size, 3)).astype("float32")
        expected = ops.convert_to_numpy(known(x))
        np.testing.assert_allclose(unknown.predict(x, verbose=0), expected, rtol=1e-4, atol=1e-6)
    assert np.isfinite(unknown.train_on_batch(x, np.zeros((3, 1))))


def test_save_and_load(tmp_path):
    model = small_model(overlapping=True, draw_at_test=True)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    x = np.random.default_rng(0).normal(size=(6, 9, 9, 3)).astype("float32")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
    old, new = (m.get_layer("pool").get_config() for m in (model, loaded))
    assert old == new
    expected = {"pooling_ratio": 1.5, "overlapping": True, "draw_at_test": True, "seed": 3}
    assert expected.items() <= new.items()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            {"pooling_ratio": 2},
            "`FractionalMaxPooling2D`: `pooling_ratio` must be a finite number above 1 and below "
            "2, got 2. By a whole number pools `keras.layers.MaxPooling2D`.",
        ),
        (
            {"pooling_ratio": (1.5, 1)},
            "got 1. By a whole number pools `keras.layers.MaxPooling2D`.",
        ),
        ({"pooling_ratio": (1.5,)}, "must be a number or (height, width), got (1.5,)."),
        ({"pseudo_random": 1}, "`pseudo_random` must be True or False, got 1."),
        ({"overlapping": None}, "`overlapping` must be True or False, got None."),
        ({"draw_at_test": "no"}, "`draw_at_test` must be True or False, got 'no'."),
        ({"seed": -1}, "`seed` must be a whole number of at least 0, got -1."),
        (
            {"data_format": "NCHW"},
            "`data_format` must be one of 'channels_last', 'channels_first', got 'NCHW'.",
        ),
    ],
)
def test_bad_arguments_are_refused(arguments, sentence):
    with pytest.raises(ValueError, match="FractionalMaxPooling2D") as refusal:
        FractionalMaxPooling2D(**{"pooling_ratio": 1.5, **arguments})
    assert str(refusal.value).endswith(sentence)


def test_other_than_a_batch_of_images_is_refused():
    with pytest.raises(ValueError, match=r"must be a batch of images, with four dimensions, got"):
        FractionalMaxPooling2D(1.5)(np.zeros((4, 4, 3), "float32"))
