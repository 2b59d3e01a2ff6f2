import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_trainkit import presets
from keras_trainkit._core import xla
from keras_trainkit.optimizers import SGD


@pytest.fixture(scope="module")
def images_and_labels():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (70, 32, 32, 3), dtype=np.uint8), np.arange(70) % 10


def classifier():
    inputs = keras.Input((32, 32, 3))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    return keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(x))


@pytest.mark.parametrize(
    ("make", "label_shape"),
    [(presets.small_images, (10,)), (presets.cifar, ())],
    ids=["small_images", "cifar"],
)
def test_a_recipe_goes_from_arrays_to_a_trained_model(
    make, label_shape, images_and_labels, tmp_path
):
    recipe = make(num_classes=10, examples=70, epochs=2, batch_size=32)
    recipe.adapt(images_and_labels[0])
    train, evaluation = (
        recipe.train_dataset(images_and_labels),
        recipe.eval_dataset(images_and_labels),
    )
    for dataset, sizes in ((train, [32, 32]), (evaluation, [32, 32, 6])):
        batches = list(dataset)
        assert [len(images) for images, _ in batches] == sizes
        assert all(images.shape[1:] == (32, 32, 3) for images, _ in batches)
        assert all(images.dtype == tf.float32 for images, _ in batches)
        assert all(labels.shape[1:] == label_shape for _, labels in batches)
    assert recipe.steps_per_epoch == 2
    model = classifier()
    recipe.compile(model)
    callbacks = recipe.callbacks(tmp_path / "best.keras")
    history = model.fit(
        train, validation_data=evaluation, epochs=2, callbacks=callbacks, shuffle=False, verbose=0
    ).history
    assert {"learning_rate", "val_accuracy"} <= set(history)
    assert (tmp_path / "best.keras").exists()


def test_one_recipe_compiles_several_models_with_an_optimizer_of_their_own():
    recipe = presets.small_images(num_classes=10, examples=64)
    models = [classifier(), classifier()]
    for model in models:
        recipe.compile(model)
    first, second = (model.optimizer for model in models)
    assert first is not second
    assert isinstance(first, SGD)
    assert first.get_config() == recipe.optimizer.get_config() == second.get_config()


def test_the_pixels_are_normalised_by_the_training_set(images_and_labels):
    recipe = presets.small_images(num_classes=10, examples=70)
    recipe.adapt(images_and_labels[0])
    pixels = np.concatenate([images for images, _ in recipe.eval_dataset(images_and_labels)])
    np.testing.assert_allclose(pixels.mean(axis=(0, 1, 2)), 0, atol=1e-4)
    np.testing.assert_allclose(pixels.std(axis=(0, 1, 2)), 1, atol=1e-4)


def test_the_same_seed_gives_the_same_epochs(images_and_labels, monkeypatch):
    monkeypatch.setattr(xla, "xla_available", lambda: False)  # compiling takes the longest

    def two_epochs(seed):
        recipe = presets.small_images(num_classes=10, examples=70, batch_size=32)
        recipe.adapt(images_and_labels[0])
        dataset = recipe.train_dataset(images_and_labels, seed=seed)
        return [np.concatenate([images for images, _ in dataset]) for _ in range(2)]

    first, again, other = two_epochs(1), two_epochs(1), two_epochs(2)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(first[0], other[0])


def test_the_schedules_are_those_of_the_sources():
    cifar = presets.cifar()  # 390 whole batches of 128 in 50,000
    rates = [float(cifar.schedule(390 * epoch)) for epoch in (0, 59, 60, 120, 160, 199)]
    np.testing.assert_allclose(rates, [0.1, 0.1, 0.02, 0.004, 0.0008, 0.0008], rtol=1e-5)
    small = presets.small_images(num_classes=10, examples=640, epochs=40)
    rates = [float(small.schedule(10 * epoch)) for epoch in (0, 40, 50)]
    np.testing.assert_allclose(rates, 0, atol=1e-8)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            {"num_classes": 10, "examples": 63},
            "`small_images`: `examples` must .* at least 64, got 63",
        ),
        ({"num_classes": 1, "examples": 64}, "`num_classes` must be a whole number of at least 2"),
        ({"num_classes": 10, "examples": 64, "epochs": 0}, "`epochs` must .* got 0"),
        ({"num_classes": 10, "examples": 64, "batch_size": 0}, "`batch_size` must .* got 0"),
    ],
)
def test_bad_arguments_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        presets.small_images(**arguments)


def test_data_of_another_form_is_refused(images_and_labels):
    recipe = presets.cifar(examples=128)
    batched = tf.data.Dataset.from_tensor_slices(images_and_labels).batch(8)
    with pytest.raises(ValueError, match="Call `unbatch` on a batched dataset"):
        recipe.train_dataset(batched)
    with pytest.raises(ValueError, match=r"be \(images, labels\) or a tf.data.Dataset"):
        recipe.eval_dataset("folder")


def test_small_images_needs_adapt_before_its_datasets(images_and_labels):
    recipe = presets.small_images(num_classes=10, examples=70)
    with pytest.raises(ValueError, match="call `adapt` with the training images"):
        recipe.train_dataset(images_and_labels)
