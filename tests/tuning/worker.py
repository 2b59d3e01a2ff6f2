"""A worker of a study, in a process of its own.

`python worker.py OUTPUT STORAGE WORKER TRIALS [DIES_IN]`: with DIES_IN it kills itself in the
middle of that trial, counted from 0.
"""

import os
import signal
import sys
from pathlib import Path

import keras
from searching import search


class Die(keras.callbacks.Callback):
    """SIGKILL in the second epoch: nothing is tidied up."""

    begun = 0

    def __init__(self, trial):
        super().__init__()
        self.dies = Die.begun == trial
        Die.begun += 1

    def on_epoch_begin(self, epoch, logs=None):
        if self.dies and epoch == 1:
            os.kill(os.getpid(), signal.SIGKILL)


output, storage, worker, trials, *dies_in = sys.argv[1:]
search(
    Path(output),
    storage=storage or None,
    worker=int(worker),
    trials=int(trials),
    callbacks=lambda: [Die(int(trial)) for trial in dies_in],
)
