"""One library's input pipeline in a process of its own: a line on stdin times it once.

Usage: python worker.py LIBRARY WORKLOAD SECONDS.  Prints `ready`, then for each line it reads
`images_per_second peak_megabytes`.
"""

import resource
import sys
import time

import numpy as np
import tensorflow as tf
from workloads import CLASSES, LIBRARIES, SHAPES


def batches(workload):
    """Endless batches that cost next to nothing to make."""
    size, side = SHAPES[workload]
    count = size * (32 if side < 100 else 4)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (count, side, side, 3), dtype=np.uint8)
    labels = rng.integers(0, CLASSES, count)
    data = tf.data.Dataset.from_tensor_slices((images, labels))
    return data.batch(size, drop_remainder=True).cache().repeat()


def images_per_second(dataset, size, seconds):
    """Steady throughput: what was buffered before the clock started is drained first."""
    iterator = iter(dataset)
    begin = time.perf_counter()
    warm = 0
    while warm < 8 or time.perf_counter() - begin < seconds / 3:
        next(iterator)
        warm += 1
    count, begin = 0, time.perf_counter()
    while count < 2 or time.perf_counter() - begin < seconds:
        next(iterator)
        count += 1
    return count * size / (time.perf_counter() - begin)


def main():
    """Serves turns until stdin ends."""
    library, workload, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    augment = LIBRARIES[library](workload)
    dataset = augment(batches(workload)).prefetch(tf.data.AUTOTUNE)
    images, _ = next(iter(dataset))
    assert images.dtype == tf.float32, images.dtype
    print("ready", flush=True)
    for _ in sys.stdin:
        rate = images_per_second(dataset, SHAPES[workload][0], seconds)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{rate} {peak}", flush=True)


if __name__ == "__main__":
    main()
