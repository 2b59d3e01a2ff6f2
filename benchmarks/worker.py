"""One library's input pipeline in a process of its own: a line on stdin times it once.

Usage: python worker.py MODULE WORKLOAD SECONDS.  Answers `ready VERSIONS`, then for each line it
reads `images_per_second peak_megabytes`.  Between turns nothing is open: no iterator, no thread
that prefetches, no process of a DataLoader.
"""

import importlib
import os
import resource
import sys
import time
from pathlib import Path

from workloads import WORKLOADS

LIBRARIES = (
    "keras_trainkit",
    "keras",
    "keras_cv",
    "tensorflow",
    "tensorflow_addons",
    "torch",
    "torchvision",
    "albumentations",
    "kornia",
)


def turn(batches, size, seconds):
    """Steady throughput, and the peak of memory in MB.

    What was ready before the clock started is drained first.  Two workers hand in their batches
    in pairs, so only whole pairs count.
    """
    iterator = iter(batches)
    begin = time.perf_counter()
    warm = 0
    while warm < 6 or time.perf_counter() - begin < seconds / 3:
        next(iterator)
        warm += 1
    count, begin = 0, time.perf_counter()
    while count < 4 or count % 2 or time.perf_counter() - begin < seconds:
        next(iterator)
        count += 1
    rate = count * size / (time.perf_counter() - begin)
    return rate, peak_megabytes()


def peak_megabytes():
    """The most that this process ever held, and what its children now hold of their own."""
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    for children in Path("/proc/self/task").glob("*/children"):
        for child in children.read_text().split():
            lines = Path(f"/proc/{child}/smaps_rollup").read_text().splitlines()
            peak += 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("Private"))
    return peak / 2**20


def check(images, workload):
    """What comes out is float32 and of the size that was asked for."""
    assert "float32" in str(images.dtype), images.dtype
    shape, side = tuple(images.shape), workload.side
    assert shape in {(workload.batch, side, side, 3), (workload.batch, 3, side, side)}, shape


def main():
    """Serves turns until stdin ends."""
    module, name, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    workload = WORKLOADS[name]
    batches = importlib.import_module(f"peers.{module}").batches(workload, name)
    check(next(iter(batches))[0], workload)
    loaded = [library for library in LIBRARIES if library in sys.modules]
    versions = [f"{library} {sys.modules[library].__version__}" for library in loaded]
    print("ready", ", ".join(versions), file=answers, flush=True)
    for _ in sys.stdin:
        print(*turn(batches, workload.batch, seconds), file=answers, flush=True)


if __name__ == "__main__":
    main()
