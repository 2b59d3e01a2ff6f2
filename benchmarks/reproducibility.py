"""How many batches come out bit-equal when a seeded input pipeline runs again.

`python benchmarks/reproducibility.py` runs it.  The reference is the first epoch with one parallel
call; each row says which share of its 64 batches another run repeats.  Keras' layers are seeded
too, and mapped the way its guides do.
"""

import hashlib
import os
import subprocess
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"

import numpy as np
import tensorflow as tf
from keras import layers as keras_layers

from keras_trainkit import layers

BATCHES = 64


def batches():
    """64 batches of 8 images."""
    images = np.random.default_rng(0).integers(0, 256, (8 * BATCHES, 32, 32, 3), dtype=np.uint8)
    return tf.data.Dataset.from_tensor_slices(images).batch(8)


def kit(parallel):
    """The kit's pipeline."""
    pipeline = layers.Pipeline([layers.RandomRotation(0.1), layers.RandomBrightness(0.2)])
    return pipeline.map(batches(), seed=7, num_parallel_calls=parallel)


def keras(parallel):
    """The same with Keras' layers."""
    rotate = keras_layers.RandomRotation(0.1, seed=7)
    brighten = keras_layers.RandomBrightness(0.2, seed=8)

    def augment(images):
        return brighten(rotate(tf.cast(images, tf.float32), training=True), training=True)

    return batches().map(augment, num_parallel_calls=parallel)


def digests(dataset):
    """One digest for each batch."""
    return [hashlib.sha256(batch.numpy().tobytes()).hexdigest() for batch in dataset]


def share(reference, other):
    """The share of equal batches, place by place."""
    return sum(a == b for a, b in zip(reference, other, strict=True)) / BATCHES


def restarted(dataset):
    """An epoch that is broken off in its middle and goes on from the iterator's checkpoint."""
    iterator, again = iter(dataset), iter(dataset)
    first = digests(next(iterator) for _ in range(BATCHES // 2))
    with tempfile.TemporaryDirectory() as folder:
        path = tf.train.Checkpoint(iterator=iterator).write(f"{folder}/iterator")
        tf.train.Checkpoint(iterator=again).read(path)
    return first + digests(next(again) for _ in range(BATCHES // 2))


def in_another_process(name):
    """The digests that a fresh process prints."""
    command = [sys.executable, __file__, name]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def main():
    """Prints the shares."""
    makers = {"kit": kit, "keras": keras}
    if len(sys.argv) > 1:
        print("\n".join(digests(makers[sys.argv[1]](1))))
        return
    print(f"{'share of equal batches':34}{'keras_trainkit':>16}{'Keras':>10}")
    references = {name: digests(make(1)) for name, make in makers.items()}

    def row(title, other):
        cells = []
        for name, make in makers.items():
            try:
                cells.append(f"{share(references[name], other(name, make)):.1%}")
            except tf.errors.FailedPreconditionError:
                cells.append("refused")  # a dataset that reads a variable has no checkpoint
        print(f"{title:34}{cells[0]:>16}{cells[1]:>10}", flush=True)

    for parallel in (2, 8):
        row(f"{parallel} parallel calls", lambda _, make, p=parallel: digests(make(p)))
    row("another process", lambda name, _: in_another_process(name))
    row("restart from a checkpoint", lambda _, make: restarted(make(1)))

    def second_epoch(_, make):
        dataset = make(1)
        digests(dataset)
        return digests(dataset)

    row("the second epoch (should differ)", second_epoch)


if __name__ == "__main__":
    main()
