"""Event files of TensorBoard with plain values, as every other library writes them."""

import tensorflow as tf


def write_events(path, scalars):
    """The values of each tag at the steps 0, 1, ..."""
    path.parent.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for step in range(max(map(len, scalars.values()))):
            for tag, values in scalars.items():
                value = tf.compat.v1.Summary.Value(tag=tag, simple_value=values[step])
                summary = tf.compat.v1.Summary(value=[value])
                writer.write(tf.compat.v1.Event(step=step, summary=summary).SerializeToString())
