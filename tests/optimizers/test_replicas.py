"""The optimizers on two replicas, which need a process of their own."""

import subprocess
import sys

import keras
import pytest

REPLICAS = """
import keras, numpy as np, tensorflow as tf
from keras_trainkit.optimizers import COCOB, SWA, Adam, Lookahead, NovoGrad

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
x = np.random.default_rng(0).standard_normal((64, 4)).astype("float32")
y = x.sum(axis=1, keepdims=True)
bad = y.copy()
bad[20] = np.nan  # on the second replica of the first batch

def train(optimizer, scope, *targets):
    keras.utils.set_random_seed(1)
    with scope:
        model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(1)])
        model.compile(optimizer(), "mse", jit_compile=False)
    for target in targets:
        model.fit(x, target, batch_size=32, shuffle=False, verbose=0)
    return model

def strategy():
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope()

make = lambda: Adam(0.01, weight_decay=0.1)
with tf.device("CPU:0"):
    one = train(make, tf.device("CPU:0"), y, y)
two = train(make, strategy(), y, y)
np.testing.assert_allclose(two.get_weights()[0], one.get_weights()[0], rtol=1e-5)

for make_other in (
    lambda: Lookahead(COCOB(10.0), sync_period=3),
    lambda: SWA(NovoGrad(0.1), average_period=2),
):
    one, two = train(make_other, tf.device("CPU:0"), y), train(make_other, strategy(), y)
    np.testing.assert_allclose(two.get_weights()[0], one.get_weights()[0], rtol=1e-4)

skipping = train(make, strategy(), y, bad)
assert skipping.optimizer.skipped_steps.numpy() == 1
assert skipping.optimizer.iterations.numpy() == 3
for copy in skipping.weights[0].value.values:
    np.testing.assert_array_equal(copy, skipping.get_weights()[0])
    assert np.all(np.isfinite(copy))
"""


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="tf.distribute")
def test_replicas():
    done = subprocess.run([sys.executable, "-c", REPLICAS], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-5000:]
