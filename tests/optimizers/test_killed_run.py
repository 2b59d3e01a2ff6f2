"""Save, kill, load, continue: every optimizer ends at the weights of an unbroken run."""

import os
import pathlib
import signal
import subprocess
import sys

import killed_run
import numpy as np
import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Those that the second of two processes reached, by optimizer, kind of file and place."""
    folder = tmp_path_factory.mktemp("killed")
    program = pathlib.Path(killed_run.__file__)
    path = os.pathsep.join(str(folder) for folder in (program.parents[1], program.parents[2]))
    for part, code in (("begin", -signal.SIGKILL), ("go_on", 0)):
        done = subprocess.run(
            [sys.executable, program, part, folder],
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, done.stderr[-3000:]
    with np.load(folder / "weights.npz") as arrays:
        yield dict(arrays)


@pytest.mark.parametrize("name", killed_run.ROWS)
def test_goes_on_as_if_nothing_had_been(name, weights):
    unbroken = killed_run.train(killed_run.new(name))
    for kind in ("keras", "weights"):
        for i, expected in enumerate(unbroken):
            np.testing.assert_array_equal(weights[f"{name}/{kind}/{i}"], expected)
