"""Results kept on disk: a run that was stopped goes on, and refuses what is not its own."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest
from members import classifier, images, labels

from keras_trainkit.inference import AveragedPredictor

RUN = """
import sys, time
import numpy as np
from keras_trainkit.inference import AveragedPredictor
from members import images
paths, folder, pause = sys.argv[4:], sys.argv[2], float(sys.argv[3])
def view(x):
    time.sleep(pause)
    return x
predictor = AveragedPredictor(paths, views=view)
np.save(sys.argv[1], predictor.predict(images(), batch_size=4, verbose=0, directory=folder))
"""


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("members")
    for seed in range(3):
        classifier(seed, noise=keras.layers.Dropout(0.5)).save(folder / f"m{seed}.keras")
    return [str(folder / f"m{seed}.keras") for seed in range(3)]


def computed(monkeypatch):
    """Counts the batches that models are run on."""
    from keras_trainkit.inference._forward import Forward

    calls = []
    outputs = Forward.outputs

    def counting(self, x, key, eager=False):
        if not eager:
            calls.append(key)
        return outputs(self, x, key, eager)

    monkeypatch.setattr(Forward, "outputs", counting)
    return calls


def test_a_killed_run_goes_on(paths, tmp_path, monkeypatch):
    folder, result = tmp_path / "kept", tmp_path / "result.npy"
    command = [sys.executable, "-c", RUN, str(result), str(folder), "0.4", *paths[:2]]
    environment = {**os.environ, "PYTHONPATH": f"{Path(__file__).parent}:{Path.cwd()}"}
    run = subprocess.Popen(command, env=environment)
    deadline = time.monotonic() + 120
    while not (folder / "member-000.json").exists():
        assert run.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert not result.exists()
    done = len(list(folder.glob("member-*.json")))
    assert done < 2
    calls = computed(monkeypatch)
    predictor = AveragedPredictor(paths[:2], views=lambda x: x)
    kept = predictor.predict(images(), batch_size=4, verbose=0, directory=folder)
    assert len(calls) == 3 * (2 - done)
    straight = AveragedPredictor(paths[:2]).predict(images(), batch_size=4, verbose=0)
    np.testing.assert_array_equal(kept, straight)


def test_finished_members_are_not_computed_again(paths, tmp_path, monkeypatch):
    x, y = images(), labels()
    calls = computed(monkeypatch)
    first = AveragedPredictor(paths[:2])
    first.predict(x, batch_size=4, verbose=0, directory=tmp_path)
    assert len(calls) == 6
    again = AveragedPredictor(paths[:2])
    kept = again.evaluate(x, y, batch_size=4, verbose=0, directory=tmp_path)
    again.report(x, y, batch_size=4, verbose=0, directory=tmp_path)
    assert len(calls) == 6
    AveragedPredictor(paths).predict(x, batch_size=4, verbose=0, directory=tmp_path)
    assert len(calls) == 9
    assert kept == pytest.approx(first.evaluate(x, y, batch_size=4, verbose=0))


def test_results_of_another_run_are_refused(paths, tmp_path):
    x = images()

    def run(models=paths[:1], x=x, batch_size=4, **arguments):
        predictor = AveragedPredictor(models, **{"draws": 2, "seed": 1, **arguments})
        predictor.predict(x, batch_size=batch_size, verbose=0, directory=tmp_path)

    run()
    run()
    for arguments, what in (
        ({"models": paths[1:2]}, "the model of member 1 differs"),
        ({"views": "flips"}, "the views of"),
        ({"draws": 3}, "the draws of"),
        ({"seed": 2}, "the seed of"),
        ({"average": "logits"}, "the average of"),
        ({"x": np.concatenate([x[:8], x[:3]])}, "the same batches .* batch 3 than before"),
        ({"x": x[:8]}, "the same batches"),
        ({"x": np.concatenate([x, x[:1]])}, "the same batches"),
    ):
        with pytest.raises(ValueError, match=f"{what}.*choose another|{what}.*Choose another"):
            run(**arguments)
    with pytest.raises(ValueError, match="`seed` must be a whole number where draws are kept"):
        run(seed=None)


def test_a_model_in_memory_is_known_by_its_weights(tmp_path):
    model = classifier()
    kept = AveragedPredictor(model).predict(images(), verbose=0, directory=tmp_path)
    again = AveragedPredictor(model).predict(images(), verbose=0, directory=tmp_path)
    np.testing.assert_array_equal(kept, again)
    about = json.loads((tmp_path / "member-000.json").read_text())
    assert len(about["data"]) == 1
    model.weights[0].assign(0 * model.weights[0])
    with pytest.raises(ValueError, match="the model of member 1 differs"):
        AveragedPredictor(model).predict(images(), verbose=0, directory=tmp_path)
