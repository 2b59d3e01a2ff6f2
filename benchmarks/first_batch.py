"""The time to the first batch of every preset, compilation included.

`python benchmarks/first_batch.py` runs it.  Each preset has a fresh process; the clock starts
when TensorFlow is imported and the recipe adapted, and stops when the first batch is there.
"""

import os
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"

import recipes

GOAL = 10.0  # seconds


def seconds(name):
    """Of one preset, in this process."""
    with tempfile.TemporaryDirectory() as folder:
        recipe, data = recipes.prepared(name, folder)
        begin = time.perf_counter()
        next(iter(recipe.train_dataset(data, seed=0)))
        return time.perf_counter() - begin


def main():
    """Prints a line for each preset."""
    if len(sys.argv) > 1:
        print(seconds(sys.argv[1]))
        return
    for name in recipes.names():
        command = [sys.executable, __file__, name]
        took = float(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        verdict = "reached" if took < GOAL else "not reached"
        print(f"{name:20}{took:6.2f} s, goal {GOAL:g} s {verdict}", flush=True)


if __name__ == "__main__":
    main()
