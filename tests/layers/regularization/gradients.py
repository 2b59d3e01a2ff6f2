"""The gradient of a function of arrays, on the backend at hand."""

import keras
import numpy as np
from keras import ops


def gradients(function, *arrays):
    """Of a function with one value, with respect to each array."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tensors = [tf.constant(array) for array in arrays]
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            value = function(*tensors)
        return [g.numpy() for g in tape.gradient(value, tensors)]
    if keras.backend.backend() == "jax":
        import jax

        def pure(arrays):
            with keras.StatelessScope():  # a seed's state may change under the trace
                return function(*arrays)

        return [np.asarray(g) for g in jax.grad(pure)([ops.array(a) for a in arrays])]
    tensors = [ops.convert_to_tensor(array).requires_grad_() for array in arrays]
    function(*tensors).backward()
    return [ops.convert_to_numpy(tensor.grad) for tensor in tensors]
