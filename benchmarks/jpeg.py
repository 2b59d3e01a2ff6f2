"""Images per second out of JPEG files: the part that is shown decoded, beside all of it.

Both decode, take the same random scale crops and flips, and batch, in one process and in turns;
what counts is the ratio.  The photographs are scikit-learn's two, resized to the median size of
ImageNet's (500x375), and larger (2000x1500).
"""

import argparse
import io
import time

import numpy as np
import tensorflow as tf
from PIL import Image
from sklearn.datasets import load_sample_images

from keras_trainkit import presets
from keras_trainkit.layers.augmentation.encoded import Encoded

BATCH = 16


def encoded(size):
    """The bytes of both photographs as JPEG files of this (width, height)."""
    for photo in load_sample_images().images:
        data = io.BytesIO()
        Image.fromarray(photo).resize(size).save(data, "jpeg", quality=92)
        yield data.getvalue()


def datasets(size):
    """The ways, by name, each as an endless dataset of batches."""
    crop = presets.imagenet_resnet().crop
    source = tf.data.Dataset.from_tensor_slices(list(encoded(size))).cache().repeat()
    named = source.map(lambda data: ("photo", data))
    auto = tf.data.AUTOTUNE

    def decode(data):
        return tf.io.decode_jpeg(data, 3, dct_method="INTEGER_ACCURATE")

    def decode_only(training):
        return source.map(lambda data: tf.shape(decode(data)), auto)

    for training, name in ((True, "training"), (False, "evaluation")):
        yield (
            name,
            {
                "decode only": decode_only(training).batch(BATCH).prefetch(auto),
                "whole": crop.map(source.map(decode, auto), seed=1, training=training)
                .batch(BATCH)
                .prefetch(auto),
                "crop": Encoded(crop, "jpeg", files=False)
                .map(named, seed=1, training=training)
                .batch(BATCH)
                .prefetch(auto),
            },
        )


def measure(dataset, batches):
    """Images a second, and milliseconds of processor time an image."""
    iterator = iter(dataset)
    for _ in range(6):  # until as many images are on their way as will be at the end
        next(iterator)
    clock, processor = time.perf_counter(), time.process_time()
    for _ in range(batches):
        next(iterator)
    count = batches * BATCH
    clock, processor = time.perf_counter() - clock, time.process_time() - processor
    return count / clock, 1000 * processor / count


def main():
    """Prints a line for each size and each way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--batches", type=int, default=30, help="in each turn")
    options = parser.parse_args()
    for size in ((500, 375), (2000, 1500)):
        for phase, ways in datasets(size):
            turns = {way: [] for way in ways}
            for _ in range(options.repeats):
                for way, dataset in ways.items():
                    turns[way].append(measure(dataset, options.batches))
            for way, each in turns.items():
                rate, cost = np.median(each, axis=0)
                print(
                    f"{size[0]}x{size[1]}, {phase}, {way}: {rate:,.0f} images/s, "
                    f"{cost:.2f} ms of processor an image"
                )


if __name__ == "__main__":
    main()
