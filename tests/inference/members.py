"""Small classifiers that predict without having been trained, and what NumPy makes of them."""

import keras
import numpy as np

CLASSES = 4


@keras.saving.register_keras_serializable(package="tests")
class Noisy(keras.layers.Layer):
    """Adds a normal draw to its inputs while training; its mode can be looked up."""

    def __init__(self, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=False):
        if not training:
            return inputs
        shape = keras.ops.shape(inputs)
        return inputs + keras.random.normal(shape, seed=self.seed_generator)


def classifier(seed=0, classes=CLASSES, noise=None, activation="softmax", side=6):
    """Images (n, side, side, 1) to probabilities, batch normalisation and all."""
    keras.utils.set_random_seed(seed)
    images = x = keras.Input((side, side, 1))
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(8, activation="relu", kernel_initializer="random_normal")(x)
    x = keras.layers.BatchNormalization()(x)
    x = noise(x) if noise else x
    x = keras.layers.Dense(classes, kernel_initializer=keras.initializers.RandomNormal(0, 3))(x)
    model = keras.Model(images, keras.layers.Activation(activation)(x))
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.moving_mean.assign(rng.normal(size=8) / 4)
            layer.moving_variance.assign(rng.uniform(0.1, 0.5, size=8))
    return model


def images(rows=11, side=6):
    return np.random.default_rng(5).normal(size=(rows, side, side, 1)).astype("float32")


def labels(rows=11):
    return np.random.default_rng(6).integers(0, CLASSES, rows)


def predictions(model, x):
    return keras.ops.convert_to_numpy(model(x, training=False)).astype("float64")


def state(model):
    """Everything that a prediction could change."""
    values = [np.copy(keras.ops.convert_to_numpy(v.value)) for v in model.variables]
    layers = model._flatten_layers()
    return values, [(layer.trainable, sorted(vars(layer))) for layer in layers]


def same(before, after):
    return before[1] == after[1] and all(map(np.array_equal, before[0], after[0]))
