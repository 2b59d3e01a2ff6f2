"""What the TensorFlow libraries share: sources that cost next to nothing, and PCA jitter."""

import tensorflow as tf

from peers.arrays import arrays
from workloads import EIGENVALUES, EIGENVECTORS

AUTO = tf.data.AUTOTUNE


def images(workload):
    """Endless single images."""
    return tf.data.Dataset.from_tensor_slices(arrays(workload)).cache().repeat()


def batches(workload):
    """Endless batches."""
    single = tf.data.Dataset.from_tensor_slices(arrays(workload))
    return single.batch(workload.batch, drop_remainder=True).cache().repeat()


def batched(dataset, workload):
    """Batches of single images."""
    return dataset.batch(workload.batch, drop_remainder=True, num_parallel_calls=AUTO)


def mapped(dataset, function):
    """The function on each element, in parallel and ahead of time."""
    return dataset.map(function, num_parallel_calls=AUTO).prefetch(AUTO)


def pca_jitter(images):
    """AlexNet's, for float images, one or a batch; none of the libraries has it."""
    alpha = tf.random.normal((*images.shape[:-3], 1, 1, 3), stddev=0.1)
    return images + 255 * tf.linalg.matmul(alpha * EIGENVALUES, EIGENVECTORS, transpose_b=True)
