"""DropBlock: which values are dropped, how often, and what is left."""

import keras
import numpy as np
import pytest
from gradients import gradients
from keras import ops
from oracles import drop_block as oracle

from keras_trainkit.layers import DropBlock2D

SIZE = (8, 6)
BLOCKS = [(1, 1), (2, 2), (3, 3), (7, 4), (8, 6), (5, 1)]
each_block = pytest.mark.parametrize("block", BLOCKS, ids=str)
each_per = pytest.mark.parametrize("per", ["channel", "image"])


def trained(layer, *shape):
    return ops.convert_to_numpy(layer(np.ones(shape, "float32"), training=True))


@each_block
@each_per
def test_whole_blocks_inside_the_map_are_dropped(block, per):
    out = trained(DropBlock2D(0.3, block, per, seed=1), 5, *SIZE, 3)
    dropped = out == 0
    assert dropped.any()
    for image in dropped:
        for channel in np.moveaxis(image, -1, 0):
            np.testing.assert_array_equal(channel, oracle.filled(channel, block))


@each_block
@pytest.mark.parametrize("rate", [0.1, 0.4])
def test_each_value_is_dropped_with_its_probability(block, rate):
    out = trained(DropBlock2D(rate, block, seed=2), 100, *SIZE, 80)
    dropped = (out == 0).transpose(0, 3, 1, 2).reshape(8000, *SIZE)
    gamma = oracle.gamma(rate, block, SIZE)
    expected = 1 - (1 - gamma) ** oracle.blocks_over(block, SIZE)
    error = np.sqrt(expected * (1 - expected) / len(dropped))
    assert (np.abs(dropped.mean(axis=0) - expected) < 4.5 * error).all()
    # The starts are independent: so often is nothing dropped at all.
    untouched = (1 - gamma) ** len(oracle.starts(block, SIZE))
    error = np.sqrt(untouched * (1 - untouched) / len(dropped))
    assert abs((~dropped.any(axis=(1, 2))).mean() - untouched) < 4.5 * error + 1e-9


@each_block
def test_the_share_dropped_is_the_rate_but_for_blocks_that_meet(block):
    rate = 0.05
    dropped = (trained(DropBlock2D(rate, block, seed=3), 100, *SIZE, 80) == 0).mean()
    error = np.sqrt(rate * (1 - rate) / 8000)  # at most: a map is 48 values
    assert 0.95 * rate - 4 * error < dropped < rate + 4 * error


def test_the_shares_in_the_documentation():
    cover = oracle.blocks_over((7, 7), (14, 14))
    for rate, stated in ((0.1, 0.093), (0.25, 0.21)):
        share = 1 - (1 - oracle.gamma(rate, (7, 7), (14, 14))) ** cover
        assert share.mean() == pytest.approx(stated, rel=0.01)
        assert str(stated) in DropBlock2D.__doc__


@each_per
def test_what_is_left_keeps_the_mean_of_the_batch(per):
    x = np.random.default_rng(0).normal(size=(6, *SIZE, 4)).astype("float32")
    layer = DropBlock2D(0.3, 3, per, seed=4)
    kept = trained(DropBlock2D(0.3, 3, per, seed=4), *x.shape) != 0
    assert trained(layer, *x.shape).mean() == pytest.approx(1, rel=1e-5)
    layer = DropBlock2D(0.3, 3, per, seed=4)
    out = ops.convert_to_numpy(layer(x, training=True))
    np.testing.assert_allclose(out, x * kept * kept.size / kept.sum(), rtol=1e-5)
    for training in (False, None):
        np.testing.assert_array_equal(ops.convert_to_numpy(layer(x, training=training)), x)


def test_masks_of_channels_are_independent_or_shared_and_those_of_images_independent():
    def correlations(dropped):
        return np.abs(np.corrcoef(dropped)[np.triu_indices(len(dropped), 1)])

    out = trained(DropBlock2D(0.2, 2, seed=5), 6, 40, 40, 6) == 0
    shared = trained(DropBlock2D(0.2, 2, "image", seed=5), 6, 40, 40, 6) == 0
    assert (shared == shared[..., :1]).all()
    assert correlations(np.moveaxis(out, -1, 0).reshape(6, -1)).max() < 0.1
    assert correlations(shared.reshape(6, -1)).max() < 0.1


def test_all_dropped_is_zero():
    out = trained(DropBlock2D(0.999, SIZE, seed=6), 1, *SIZE, 1)
    np.testing.assert_array_equal(out, np.zeros_like(out))


def test_the_seed_decides():
    def draws(seed):
        layer = DropBlock2D(0.3, 2, seed=seed)
        return [trained(layer, 2, *SIZE, 3) for _ in range(3)]

    first, second, third = draws(7)
    assert (first != second).any()
    assert (second != third).any()
    assert (draws(7)[2] == third).all()
    assert (draws(8)[2] != third).any()


def test_channels_first():
    for per in ("channel", "image"):
        out = trained(DropBlock2D(0.3, (3, 2), per, 9, "channels_first"), 40, 5, *SIZE)
        dropped = out == 0
        assert (dropped == dropped[:, :1]).all() is np.bool_(per == "image")
        for channel in dropped.reshape(-1, *SIZE):
            np.testing.assert_array_equal(channel, oracle.filled(channel, (3, 2)))


def test_the_gradient_passes_where_the_value_was_kept():
    x = np.ones((4, *SIZE, 2), "float32")
    kept = trained(DropBlock2D(0.3, 3, seed=10), *x.shape)
    layer = DropBlock2D(0.3, 3, seed=10)
    (gradient,) = gradients(lambda x: ops.sum(layer(x, training=True)), x)
    np.testing.assert_array_equal(gradient, kept)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_low_precision_computes_low_and_draws_fine(dtype):
    # A uniform number in bfloat16 is below 0.001 in one draw of 256 or in none.
    layer = DropBlock2D(0.001, 1, dtype=f"mixed_{dtype}", seed=11)
    out = layer(np.ones((10, 100, 100, 1), "float32"), training=True)
    assert keras.backend.standardize_dtype(out.dtype) == dtype
    dropped = int(ops.sum(ops.cast(ops.equal(out, 0), "int32")))
    assert abs(dropped - 100) < 45


def small_model(shape=(6, 6, 2)):
    block = DropBlock2D(0.2, (2, 3), per="image", seed=3, name="block")
    pool = keras.layers.GlobalAveragePooling2D()
    return keras.Sequential([keras.Input(shape), keras.layers.Conv2D(4, 1), block, pool])


@pytest.mark.parametrize("jit", [False, True])
def test_trains_inside_a_model_of_unknown_sizes(jit):
    if jit and keras.backend.backend() == "torch":
        pytest.skip("Keras compiles no such model with torch")
    model = small_model((None, None, 2))
    model.compile("sgd", "mse", jit_compile=jit)
    x = np.random.default_rng(0).normal(size=(8, 6, 5, 2)).astype("float32")
    history = model.fit(x, np.zeros((8, 4)), batch_size=4, epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


def test_save_and_load(tmp_path):
    model = small_model()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    x = np.random.default_rng(0).normal(size=(6, 6, 6, 2)).astype("float32")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
    old, new = (m.get_layer("block").get_config() for m in (model, loaded))
    assert old == new
    assert {"rate": 0.2, "block_size": (2, 3), "per": "image", "seed": 3}.items() <= new.items()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            {"rate": 1},
            "`DropBlock2D`: `rate` must be a finite number at least 0 and below 1, got 1.",
        ),
        ({"rate": -0.1}, "got -0.1."),
        ({"block_size": 0}, "`block_size` must be a whole number of at least 1, got 0."),
        (
            {"block_size": (2, 3, 4)},
            "must be a number of pixels or (height, width), got (2, 3, 4).",
        ),
        ({"per": "pixel"}, "`per` must be one of 'channel', 'image', got 'pixel'."),
        ({"seed": -1}, "`seed` must be a whole number of at least 0, got -1."),
        ({"data_format": "NCHW"}, "'channels_last', 'channels_first', got 'NCHW'."),
    ],
)
def test_bad_arguments_are_refused(arguments, sentence):
    with pytest.raises(ValueError, match="DropBlock2D") as refusal:
        DropBlock2D(**{"rate": 0.1, "block_size": 3, **arguments})
    assert str(refusal.value).endswith(sentence)


def test_a_block_larger_than_the_map_is_refused():
    sentence = r"`block_size` must be at most the size of the map, which is 3 there, got 4\."
    with pytest.raises(ValueError, match=sentence):
        DropBlock2D(0.1, 4)(keras.Input((5, 3, 2)))
    layer = DropBlock2D(0.1, 4)
    trained(layer, 1, 5, 4, 2)
    with pytest.raises(ValueError, match=sentence):
        trained(layer, 1, 5, 3, 2)


def test_other_than_a_batch_of_maps_is_refused():
    with pytest.raises(ValueError, match="must be a batch of maps, with four dimensions, got"):
        DropBlock2D(0.1, 2)(np.zeros((4, 4, 3), "float32"))
