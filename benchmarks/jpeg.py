"""Images per second out of JPEG files: the part that is shown decoded, beside all of it.

Both decode, take the same random scale crops and flips, and batch, in one process and in turns;
what counts is the ratio.  The photographs are scikit-learn's two, resized to the median size of
ImageNet's (500x375), and larger (2000x1500).
"""

import argparse
import io
import statistics
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


def images_per_second(batches, seconds):
    """Throughput after what was buffered is drained."""
    for _ in range(4):
        next(batches)
    count, begin = 0, time.perf_counter()
    while count < 2 or time.perf_counter() - begin < seconds:
        next(batches)
        count += 1
    return count * BATCH / (time.perf_counter() - begin)


def main():
    """Prints a line for each size and each way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0)
    options = parser.parse_args()
    for size in ((500, 375), (2000, 1500)):
        for phase, ways in datasets(size):
            rates = {way: [] for way in ways}
            for _ in range(options.repeats):
                for way, dataset in ways.items():
                    rates[way].append(images_per_second(iter(dataset), options.seconds))
            medians = {way: statistics.median(each) for way, each in rates.items()}
            told = ", ".join(f"{way} {median:,.0f}" for way, median in medians.items())
            ratio = np.median(np.divide(rates["crop"], rates["whole"]))
            print(f"{size[0]}x{size[1]}, {phase}: {told} images/s; crop is {ratio:.2f}x whole")


if __name__ == "__main__":
    main()
