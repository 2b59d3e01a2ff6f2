"""Images per second out of JPEG files: the part that is shown decoded, beside all of it.

Both decode, take the same random scale crops and flips, and batch, in one process and in turns;
what counts is the ratio.  The photographs are scikit-learn's two, resized to the median size of
ImageNet's (500x375), and as large as a camera's (4000x3000).
"""

import argparse
import io
import statistics

import numpy as np
import tensorflow as tf
from PIL import Image
from sklearn.datasets import load_sample_images
from worker import images_per_second

from keras_trainkit import presets
from keras_trainkit.layers.augmentation.encoded import Encoded

BATCH = 32


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


def main():
    """Prints a line for each size and each way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0)
    options = parser.parse_args()
    for size in ((500, 375), (4000, 3000)):
        for phase, ways in datasets(size):
            rates = {way: [] for way in ways}
            for _ in range(options.repeats):
                for way, dataset in ways.items():
                    rates[way].append(images_per_second(dataset, BATCH, options.seconds))
            medians = {way: statistics.median(each) for way, each in rates.items()}
            told = ", ".join(f"{way} {median:,.0f}" for way, median in medians.items())
            ratio = np.median(np.divide(rates["crop"], rates["whole"]))
            print(f"{size[0]}x{size[1]}, {phase}: {told} images/s; crop is {ratio:.2f}x whole")


if __name__ == "__main__":
    main()
