"""Where the kit's time goes: milliseconds of one core for each pass over a batch, and the limit.

`python benchmarks/passes.py` goes through the workloads of `make bench`.  The limit is the bytes
that must move, uint8 in and float32 out, over the speed at which this core casts them; passes after
the first also read and write float32 in between.  One thread, CPU time, medians.
"""

import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

from keras_trainkit import layers
from peers import kit
from workloads import WORKLOADS

REPEATS = 9


def core_milliseconds(functions):
    """The median of each function, which take turns."""
    times = {name: [] for name in functions}
    for function in functions.values():
        function()  # compiles
    for _ in range(REPEATS):
        for name, function in functions.items():
            begin = time.process_time()
            function()
            times[name].append(1e3 * (time.process_time() - begin))
    return {name: statistics.median(values) for name, values in times.items()}


def passes(pipeline, images):
    """Each pass of the pipeline's plan as a function without arguments, on what reaches it."""
    plan, key, rows = pipeline.plan(), tf.constant([1, 2], tf.uint32), tf.range(len(images))
    remaining = iter(plan.draw(key, rows))
    functions = {"draws": lambda: plan.draw(key, rows)}
    for step in plan.passes:
        drawn = [next(remaining) for _ in step.operations]
        dtype = tf.float32 if step is plan.passes[-1] else None

        def run(step=step, images=images, drawn=drawn, dtype=dtype):
            return step(images, drawn, dtype)

        functions[str(step).partition(":")[0]] = run
        images = tf.nest.flatten(run())[0]  # a mix also gives partners and shares
    return functions


def main():
    """Prints a line for each workload."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    rng = np.random.default_rng(0)
    for name, workload in WORKLOADS.items():
        shape = (workload.batch, workload.height, workload.width, 3)
        images = tf.constant(rng.integers(0, 256, shape, dtype=np.uint8))
        pipeline = layers.Pipeline(kit.LAYERS[name](), fill_mode="constant", output_dtype="float32")
        cast = {"cast": lambda images=images: tf.cast(images, tf.float32)}
        taken = core_milliseconds({**cast, **passes(pipeline, images)})
        read, written = (
            workload.batch * side * 3 / 1e6
            for side in (workload.height * workload.width, 4 * workload.side**2)
        )
        speed = 5 * np.prod(shape) / 1e6 / taken.pop("cast")  # MB a millisecond
        limit, total = (read + written) / speed, sum(taken.values())
        print(
            f"{name}: {read + written:.1f} MB, limit {limit:.1f} ms, {total:.1f} ms "
            f"({total / limit:.1f} times): "
            + ", ".join(f"{label} {spent:.1f}" for label, spent in taken.items()),
            flush=True,
        )


if __name__ == "__main__":
    main()
