"""The four regimes in which augmentation runs, and the rows of `cases.py` to run in them."""

import cases
import pytest
import tensorflow as tf

from keras_trainkit.layers.augmentation import structures

REGIMES = ("eager", "function", "xla", "data")


def of_all(rows):
    """Parametrises a test by rows."""
    return pytest.mark.parametrize("case", rows, ids=str)


each_case = of_all(cases.AUGMENTATION)
each_chance = of_all([case for case in cases.AUGMENTATION if not case.certain])
each_still = of_all([c for c in cases.AUGMENTATION if not c.certain and not c.resizes])
each_apart = of_all([case for case in cases.AUGMENTATION if not case.mixes])
each_mix = of_all([case for case in cases.AUGMENTATION if case.mixes])


def augment(layer, data, key):
    """The layer's plan carried out on `data` with the draws of `key`, (2,) uint32."""
    sample = structures.unpack(layer, data)
    plan = layer.plan()
    parameters = plan.draw(key, tf.range(tf.shape(sample.images)[0]))
    return structures.pack(plan(layer, sample, parameters))


def with_parameters(layer, images, *parameters):
    """The images that the layer makes of a batch when its operations draw these parameters."""
    images = tf.convert_to_tensor(images)
    drawn = tuple(
        tf.nest.map_structure(lambda value: tf.repeat(tf.constant(value), len(images)), each)
        for each in parameters
    )
    sample = structures.unpack(layer, images)
    return layer.plan()(layer, sample, drawn).images.numpy()


class Regime:
    """Runs layers in one regime; a layer that is run again is not compiled again."""

    def __init__(self, name):
        self.name = name
        self._runs = {}
        self._results = {}

    def __call__(self, layer, data, seed=0):
        """What the layer makes of `data` in this regime with the draws of `seed`."""
        if id(layer) not in self._runs:  # together with the layer, so that its id stays its own
            self._runs[id(layer)] = layer, self._wrapped(lambda *data: augment(layer, *data))
        data = tf.nest.map_structure(tf.convert_to_tensor, data)
        result = self._runs[id(layer)][1](data, tf.constant([seed, 1], tf.uint32))
        return tf.nest.map_structure(lambda tensor: tensor.numpy(), result)

    def kept(self, layer, data, seed=0):
        """The same; worked out once for each layer, seed and images."""
        key = id(layer), id(data[0]), seed
        if key not in self._results:
            self._results[key] = data, self(layer, data, seed)
        return self._results[key][1]

    def _wrapped(self, run):
        if self.name == "eager":
            return run
        if self.name == "data":
            one = tf.data.Dataset.from_tensors
            return lambda *element: one(element).map(run).get_single_element()
        return tf.function(run, jit_compile=self.name == "xla", autograph=False)
