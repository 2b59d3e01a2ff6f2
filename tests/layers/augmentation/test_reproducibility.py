"""`map` with a seed: the same bits in parallel, in another process, and after a restart."""

import functools
import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from keras_trainkit import layers

SCRIPT = """
import sys
sys.path.insert(0, {folder!r})
import test_reproducibility as test

print(test.digest(test.augmented(4)))
test.outside_tensorflow()
"""


def source():
    images = np.random.default_rng(0).integers(0, 256, (24, 8, 8, 3)).astype("uint8")
    return tf.data.Dataset.from_tensor_slices((images, np.arange(24) % 4))


@functools.cache
def pipeline():
    """One for all tests, so that it is compiled once."""
    members = [
        layers.RandomCrop(8, 8, padding=2),
        layers.RandomFlip("horizontal"),
        layers.Cutout(3),
        layers.MixUp(num_classes=4),
    ]
    return layers.Pipeline(members, output_dtype="uint8")


def augmented(calls=None, seed=7, prepare=lambda dataset: dataset):
    return pipeline().map(prepare(source()).batch(3), seed=seed, num_parallel_calls=calls)


def elements(dataset):
    return [tf.nest.map_structure(lambda tensor: tensor.numpy(), element) for element in dataset]


def digest(dataset):
    digest = hashlib.sha256()
    for element in elements(dataset):
        for leaf in tf.nest.flatten(element):
            digest.update(leaf.tobytes())
    return digest.hexdigest()


def outside_tensorflow():
    """What holds under another backend of Keras."""
    import keras

    assert keras.backend.backend() == "jax"
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3)).astype("uint8")
    layer = layers.RandomFlip("horizontal", p=1.0)
    assert np.array_equal(layer(images), images[:, :, ::-1])
    assert np.array_equal(layer(images, training=False), images)
    first, label = layer((images, np.array([999, 1, 2])))
    assert np.array_equal(first, images[:, :, ::-1])
    assert label.tolist() == [999, 1, 2]
    seeded = [layers.RandomRotation(0.2, seed=3)(images) for _ in range(2)]
    assert np.array_equal(*seeded)
    for symbolic in (lambda: source().map(layer), lambda: layer(keras.Input((8, 8, 3)))):
        with pytest.raises(ValueError, match="eager images where Keras runs on another") as info:
            symbolic()
        assert "Augment the dataset with `layer.map(dataset)`." in str(info.value)
    views = layers.MultiCrop(4, (4,))
    assert views(images).shape == (3, 10, 4, 4, 3)
    with pytest.raises(ValueError, match="`MultiCrop`: `inputs` must be eager images where Keras"):
        views(keras.Input((8, 8, 3)))
    foreign = layers.Pipeline([keras.layers.RandomFlip("horizontal"), layer])
    assert foreign(images).shape == images.shape
    print("all of it")


def test_parallel_calls_change_nothing():
    digests = {digest(augmented(calls)) for calls in (1, 2, 8, None)}
    assert len(digests) == 1
    assert digest(augmented(seed=8)) not in digests


def test_another_process_and_another_backend_change_nothing():
    folder = os.path.dirname(__file__)
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(folder=folder)],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    assert run.stdout.split() == [digest(augmented()), "all", "of", "it"]


def test_the_global_seed_changes_nothing():
    digests = set()
    for seed in (1, 2):
        tf.random.set_seed(seed)
        digests.add(digest(augmented()))
    assert len(digests) == 1


def test_epochs_differ_and_come_again():
    runs = []
    for _ in range(2):
        dataset = augmented()
        runs.append([digest(dataset) for _ in range(3)])
    assert len(set(runs[0])) == 3
    assert runs[0] == runs[1]


def test_repeating_is_a_new_epoch_too():
    twice = elements(augmented().repeat(2))
    assert len(twice) == 16
    assert not np.array_equal(twice[0][0], twice[8][0])


def test_after_shuffling_with_a_seed():
    def shuffled(dataset):
        return dataset.shuffle(24, seed=5)

    first, again = augmented(prepare=shuffled), augmented(8, prepare=shuffled)
    assert [digest(first) for _ in range(2)] == [digest(again) for _ in range(2)]


@pytest.mark.parametrize("epoch", [0, 1])
def test_a_restart_from_a_checkpoint_of_the_iterator(epoch, tmp_path):
    dataset = augmented()
    for _ in range(epoch):
        elements(dataset)
    iterator = iter(dataset)
    for _ in range(3):
        next(iterator)
    path = tf.train.Checkpoint(iterator=iterator).write(str(tmp_path / "state"))
    rest = elements(iterator)

    again = iter(augmented())
    tf.train.Checkpoint(iterator=again).read(path).assert_consumed()
    resumed = elements(again)
    assert len(resumed) == 5
    for ours, theirs in zip(resumed, rest, strict=True):
        assert all(map(np.array_equal, ours, theirs))


def test_the_seed_of_the_layer_is_that_of_map():
    members = [layers.RandomFlip(), layers.RandomCrop(8, 8, padding=2)]
    images = source().map(lambda image, label: image)
    seeded = layers.Pipeline(members, seed=3)
    plain = layers.Pipeline(members)
    assert digest(seeded.map(images)) == digest(plain.map(images, seed=3))
    assert digest(plain.map(images)) != digest(plain.map(images))


def test_an_element_is_what_carries_the_key():
    """Batched and unbatched datasets draw differently, and elements draw apart."""
    same = tf.data.Dataset.from_tensors(np.arange(64, dtype="uint8").reshape(8, 8, 1)).repeat(12)
    layer = layers.RandomCrop(4, 4)
    single = np.stack(elements(layer.map(same, seed=0)))
    batched = np.concatenate(elements(layer.map(same.batch(6), seed=0)))
    for images in (single, batched):
        assert len({image.tobytes() for image in images}) > 6
    assert not np.array_equal(single, batched)


def test_direct_mapping_repeats_without_parallel_calls():
    images = source().map(lambda image, label: image).batch(6)
    first, again = (digest(images.map(layers.RandomFlip(seed=2))) for _ in range(2))
    assert first == again
    layer = layers.RandomFlip(seed=2)
    dataset = images.map(layer)
    assert digest(dataset) != digest(dataset)
