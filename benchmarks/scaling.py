"""The cost of a batch against its size and its images' side, as one plot.

`python benchmarks/scaling.py` runs it: flip, rotation, brightness, contrast, cutout, normalise.
The exponent is the slope of the fitted line, log against log; 1 is linear.
"""

import argparse
import os
import statistics

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import numpy as np

from keras_trainkit import layers
from peers.kit import jitter, normalization
from peers.tf_data import batches
from worker import turn
from workloads import Workload

SIZES, SIDES = (8, 16, 32, 64, 128, 256, 512), (32, 64, 128, 256, 512)
SIDE, SIZE = 128, 16  # of the images while the size of the batch varies, and the other way round


def pipeline(batch, side):
    """Batches through the recipe."""
    members = [
        layers.RandomFlip("horizontal"),
        layers.RandomRotation(15 / 360),
        *jitter(),
        layers.Cutout(side // 4),
        normalization(),
    ]
    source = batches(Workload("", 0, batch, side, side, side))
    return layers.Pipeline(members).map(source, seed=1).prefetch(1)


def measured(points, repeats, seconds):
    """Milliseconds a batch for each (batch, side), medians of turns."""
    datasets = [pipeline(*point) for point in points]
    times = [[1e3 / turn(dataset, 1, seconds)[0] for dataset in datasets] for _ in range(repeats)]
    return [statistics.median(column) for column in zip(*times, strict=True)]


def exponent(xs, ys):
    """The slope of log y over log x."""
    return np.polyfit(np.log(xs), np.log(ys), 1)[0]


def panel(axes, xs, times, label):
    """One curve, and the line through its middle that linear growth would be."""
    xs = np.asarray(xs, float)
    middle = np.exp(np.mean(np.log(times / xs)))
    slope = exponent(xs, times)
    print(f"against {label}: exponent {slope:.2f}", flush=True)
    axes.loglog(xs, times, "o-", label=f"measured, exponent {slope:.2f}")
    axes.loglog(xs, middle * xs, "k:", label="linear")
    axes.set(xlabel=label, ylabel="ms a batch")
    axes.grid(True, which="both", alpha=0.2)
    axes.legend()


def main():
    """Draws the two panels."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=3, help="turns of each point (3)")
    parser.add_argument("--seconds", type=float, default=1.0, help="timed in each turn (1)")
    parser.add_argument("--output", default="scaling.png", help="of the plot (scaling.png)")
    options = parser.parse_args()
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    points = [(size, SIDE) for size in SIZES]
    times = measured(points, options.repeats, options.seconds)
    panel(left, SIZES, times, f"images of {SIDE}x{SIDE} in a batch")
    points = [(SIZE, side) for side in SIDES]
    times = measured(points, options.repeats, options.seconds)
    panel(right, [side**2 for side in SIDES], times, f"pixels of each of {SIZE} images")
    figure.savefig(options.output, dpi=120)
    print(options.output)


if __name__ == "__main__":
    main()
