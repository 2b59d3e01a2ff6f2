"""Whether the presets' pipelines keep up with a model: the time of a step with and without them.

`python benchmarks/model_step.py` runs it.  The model is the demo's residual network; without the
pipeline it gets the same batches again and again.  The two take turns.  On a machine whose cores do
both, the pipeline's own work comes on top of the step; beside an accelerator it would overlap.
"""

import argparse
import os
import statistics
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"

import recipes
from keras_trainkit.demo.network import residual_network
from worker import turn


def steps(model, dataset):
    """One training step after the other."""
    for images, labels in dataset:
        yield model.train_on_batch(images, labels)


def milliseconds(name, repeats, seconds):
    """Of a step on batches that are there already, and on those of the pipeline: medians."""
    with tempfile.TemporaryDirectory() as folder:
        recipe, data = recipes.prepared(name, folder)
        augmented = recipe.train_dataset(data, seed=0).repeat()
        ready = augmented.take(4).cache().repeat()
        shape = augmented.element_spec[0].shape[1:]
        model = residual_network(tuple(shape), recipes.CLASSES)
        recipe.compile(model)
        times = [
            [1e3 / turn(steps(model, dataset), 1, seconds)[0] for dataset in (ready, augmented)]
            for _ in range(repeats)
        ]
    return [statistics.median(column) for column in zip(*times, strict=True)]


def main():
    """Prints a line for each preset."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=5, help="turns of each (5)")
    parser.add_argument("--seconds", type=float, default=2.0, help="timed in each turn (2)")
    options = parser.parse_args()
    print(f"{f'{recipes.BATCH} images':20}{'without':>11}{'with':>11}{'ratio':>7}")
    for name in recipes.names():
        without, beside = milliseconds(name, options.repeats, options.seconds)
        ratio = beside / without
        print(f"{name:20}{without:8.1f} ms{beside:8.1f} ms{ratio:7.2f}", flush=True)


if __name__ == "__main__":
    main()
