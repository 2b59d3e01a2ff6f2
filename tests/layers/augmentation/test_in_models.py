"""Augmentation as layers of Keras models."""

import copy
import pickle

import keras
import numpy as np
import pytest
import tensorflow as tf
from augmentation_regimes import each_case, of_all
from cases import AUGMENTATION

from keras_trainkit import layers

IMAGES = np.random.default_rng(9).integers(0, 256, (5, 9, 8, 3)).astype("uint8")


@each_case
def test_specs_in_a_functional_model(case):
    for dtype in ("uint8", "float16", "float32"):
        inputs = keras.Input((9, 8, 3), dtype=dtype)
        output = case.build()(inputs)
        assert output.shape == (None, 9, 8, 3)
        assert output.dtype == ("float32" if case.gives_float else dtype)


def test_specs_of_other_sizes():
    members = [layers.RandomCrop(4, 5), layers.Normalization(0.0, 1.0)]
    pipeline = layers.Pipeline(members)
    assert pipeline.compute_output_shape((None, 9, 8, 3)) == (None, 4, 5, 3)
    assert pipeline.compute_output_shape((9, 8, 3)) == (4, 5, 3)
    assert pipeline.compute_output_shape((None, None, None, 1)) == (None, 4, 5, 1)
    output = pipeline(keras.Input((None, None, 3), dtype="uint8"))
    assert (output.shape, output.dtype) == ((None, 4, 5, 3), "float32")


@pytest.mark.usefixtures("without_xla")
@of_all([case for case in AUGMENTATION if case.cls.__name__ in ("Pipeline", "MixUp", "CutMix")])
def test_a_model_is_saved_and_predicts_the_same(case, tmp_path):
    inputs = keras.Input((9, 8, 3), dtype="uint8")
    model = keras.Model(inputs, case.build(name="augmentation")(inputs))
    assert np.array_equal(model.predict(IMAGES, verbose=0), IMAGES)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert np.array_equal(again.predict(IMAGES, verbose=0), IMAGES)
    layer = again.get_layer("augmentation")
    assert type(layer) is case.cls
    assert layer.get_config() == model.get_layer("augmentation").get_config()


@pytest.mark.usefixtures("without_xla")
def test_a_sequential_model_trains_through_them():
    seen = []

    class Spy(keras.layers.Layer):
        def call(self, images):
            seen.append(images.shape)
            return images

    model = keras.Sequential(
        [
            keras.Input((9, 8, 3)),
            layers.RandomFlip(),
            layers.RandomCrop(6, 6),
            Spy(),
            keras.layers.Flatten(),
            keras.layers.Dense(1),
        ]
    )
    model.compile("sgd", "mse", run_eagerly=False)
    assert not model.jit_compile
    images = IMAGES.astype("float32") / 255
    model.fit(images, np.zeros(5), batch_size=5, verbose=0)
    assert seen[-1] == (5, 6, 6, 3) or seen[-1] == (None, 6, 6, 3)
    first, again = (model.predict(images, verbose=0) for _ in range(2))
    assert np.array_equal(first, again)  # no chance in evaluation


@pytest.mark.usefixtures("uncompiled")
def test_training_is_what_keras_says_it_is():
    layer = layers.RandomFlip("horizontal", p=1.0)
    flipped = IMAGES[:, :, ::-1]
    assert np.array_equal(layer(IMAGES), flipped)
    assert np.array_equal(layer(IMAGES, training=None), flipped)
    assert np.array_equal(layer(IMAGES, training=True), flipped)
    assert np.array_equal(layer(IMAGES, training=False), IMAGES)
    inputs = keras.Input((9, 8, 3), dtype="uint8")
    model = keras.Model(inputs, layer(inputs))
    assert np.array_equal(model(IMAGES, training=True), flipped)
    assert np.array_equal(model(IMAGES, training=False), IMAGES)


@each_case
def test_copies_and_pickles(case):
    layer = case.build(name="original")
    for again in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert type(again) is case.cls
        assert again.get_config() == layer.get_config()


def test_layers_have_no_weights():
    layer = layers.Pipeline([layers.RandomAffine(0.1), layers.RandomColorJitter(0.1)])
    assert layer.trainable_variables == []
    assert layer.weights == []


@pytest.mark.usefixtures("without_xla")
def test_a_traced_function_draws_anew_at_each_call():
    layer = layers.RandomRotation(0.3, seed=1)
    traced = tf.function(layer)
    first, second = traced(IMAGES), traced(IMAGES)
    assert not np.array_equal(first, second)
    again = layers.RandomRotation(0.3, seed=1)
    assert np.array_equal(again(IMAGES), first)
    assert np.array_equal(again(IMAGES), second)
