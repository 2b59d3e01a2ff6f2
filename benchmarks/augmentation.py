"""Images per second of whole augmentation pipelines, beside Keras, KerasCV and tf.image.

`make bench` runs it, all of it in the environment that it makes for KerasCV, so that versions and
memory compare.  Every library has a process of its own; they take turns, one timed at a time, so
that a busy spell of the machine falls on all of them, and the median of the repeats counts.
Ratios within a run mean something; absolute figures are this machine's.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
WORKLOADS = {
    "W1": "32x32, batch 128: pad 4 and crop, flip, cutout 16, normalise, mixup",
    "W3": "224x224, batch 64: rotation, translation, shear, zoom, brightness, contrast, "
    "cutout 56, normalise, mixup",
}
LIBRARIES = {
    "W1": ("cast only", "keras_trainkit", "Keras", "KerasCV", "tf.image"),
    "W3": ("cast only", "keras_trainkit", "Keras", "KerasCV"),
}


class Worker:
    """A library's process; missing ones say why and take no part."""

    def __init__(self, library, workload, seconds):
        self.library = library
        self.rates = []
        self.peak = 0.0
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - as long-lived as the process
        self.process = subprocess.Popen(
            [sys.executable, HERE / "worker.py", library, workload, str(seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"},
        )
        if self.process.stdout.readline().strip() != "ready":
            self.process.wait()
            self.errors.seek(0)
            lines = self.errors.read().strip().splitlines()
            self.reason = lines[-1] if lines else "it ended without a word"
            self.process = None

    def turn(self):
        """One timed repeat."""
        print("go", file=self.process.stdin, flush=True)
        rate, peak = self.process.stdout.readline().split()
        self.rates.append(float(rate))
        self.peak = float(peak)

    def close(self):
        """Lets the process end."""
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()
        self.errors.close()


def measure(workload, repeats, seconds):
    """Prints the table of one workload."""
    print(f"\n{workload}: {WORKLOADS[workload]}", flush=True)
    workers = [Worker(library, workload, seconds) for library in LIBRARIES[workload]]
    for worker in workers:
        if worker.process is None:
            print(f"  {worker.library} takes no part: {worker.reason}")
    workers = [worker for worker in workers if worker.process is not None]
    for repeat in range(repeats):
        print(f"  repeat {repeat + 1} of {repeats}", end="\r", flush=True)
        for worker in workers:
            worker.turn()
    medians = {worker.library: statistics.median(worker.rates) for worker in workers}
    ours, floor = medians["keras_trainkit"], medians["cast only"]
    columns = ("images/s", "lowest", "highest", "kit is", "of cast", "peak MB")
    print(" " * 18 + "".join(f"{column:>10}" for column in columns))
    for worker in workers:
        rate = medians[worker.library]
        figures = (
            f"{rate:,.0f}",
            f"{min(worker.rates):,.0f}",
            f"{max(worker.rates):,.0f}",
            f"{ours / rate:.2f}x",
            f"{rate / floor:.1%}",
            f"{worker.peak:,.0f}",
        )
        print(f"  {worker.library:16}" + "".join(f"{figure:>10}" for figure in figures))
        worker.close()


def main():
    """Prints a table for each workload asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7, help="turns of each library")
    parser.add_argument("--seconds", type=float, default=2.0, help="timed in each turn")
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=list(WORKLOADS))
    options = parser.parse_args()
    print(
        "uint8 batches in memory to float32, whole pipeline in tf.data, medians of "
        f"{options.repeats} interleaved turns of {options.seconds:g} s, {os.cpu_count()} cores"
    )
    for workload in options.workloads:
        measure(workload, options.repeats, options.seconds)


if __name__ == "__main__":
    main()
