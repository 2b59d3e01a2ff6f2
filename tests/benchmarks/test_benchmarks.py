import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import recipes
import report
from keras_trainkit import presets
from peers import FLOOR, KIT, PEERS, kit
from workloads import WORKLOADS

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def row(*rates, peak=100.0):
    return {"rates": list(rates), "peak": peak}


ROWS = {
    FLOOR: row(1000.0),
    KIT: row(390.0, 410.0, 400.0, peak=300.0),
    "Keras": row(90.0, 100.0, 5000.0, peak=200.0),
    "kornia": row(50.0),
    "KerasCV": {"absent": "it did not install"},
    "kornia, tuned malloc": row(160.0),
    "torchvision, whole batch": row(9000.0),  # the fastest, and not one to compare with
}


@pytest.mark.parametrize("name", WORKLOADS)
def test_the_kits_workloads_give_finite_float32_of_the_size_they_say(name):
    workload = dataclasses.replace(WORKLOADS[name], batch=2)
    images, labels = next(iter(kit.batches(workload, name)))
    assert images.shape == (2, workload.side, workload.side, 3)
    assert images.dtype == np.float32
    assert np.isfinite(images).all()
    assert labels.shape == ((2, 10) if name in ("W1", "W3", "mixup") else (2,))


def test_every_workload_is_the_kits_and_every_row_has_its_module():
    assert kit.LAYERS.keys() == WORKLOADS.keys()
    assert all((BENCHMARKS / "peers" / f"{peer.module}.py").exists() for peer in PEERS)
    assert all((BENCHMARKS / "environments" / f"{peer.environment}.txt").exists() for peer in PEERS)
    assert all(lack in WORKLOADS for peer in PEERS for lack in peer.lacks)


def test_the_table_holds_medians_extremes_and_ratios():
    lines = report.table("flip", ROWS).splitlines()
    assert lines[3].split() == [KIT, "400", "390", "410", "1.00x", "40.0%", "300"]
    assert lines[4].split() == ["Keras", "100", "90", "5,000", "4.00x", "10.0%", "200"]
    assert lines[-1] == "  KerasCV takes no part: it did not install"


def test_the_goal_is_a_ratio_to_the_best_peer_as_installed():
    verdict = ("flip", "400", "Keras", "4.00x", "2x", "reached", "2.50x kornia", "1.50x")
    assert report.verdict("flip", ROWS) == verdict
    assert report.verdict("cutout", ROWS)[4:6] == ("5x", "not reached")
    assert report.verdict("affine", ROWS)[4:6] == ("4x", "reached")  # exactly


def test_what_is_missing_is_a_dash_and_no_verdict():
    without_kit = {name: part for name, part in ROWS.items() if name != KIT}
    nothing = {KIT: {"rates": [], "peak": 0.0}, "Keras": {"absent": "interrupted"}}
    for rows in (without_kit, nothing, {KIT: ROWS[KIT]}):
        report.table("flip", rows)
        assert report.verdict("flip", rows)[5] == "-"
    assert len(report.summary({"flip": ROWS, "W1": nothing}).splitlines()) == 5


def test_a_run_without_any_environment_names_all_that_are_missing_and_ends_well(tmp_path):
    folder = tmp_path / "benchmarks"
    folder.symlink_to(BENCHMARKS)
    program = folder.absolute() / "augmentation.py"
    output = tmp_path / "raw.json"
    options = ["--workloads", "W3", "--output", str(output)]
    run = subprocess.run(
        [sys.executable, program, *options], capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stderr
    rows = json.loads(output.read_text())["results"]["W3"]
    assert rows.keys() == {peer.name for peer in PEERS}
    assert rows["kornia"]["absent"] == "its environment, .venv-torch, is not installed"
    assert rows["tf.image"]["absent"] == "it has no such operations"
    assert "kornia takes no part: its environment, .venv-torch, is not installed" in run.stdout


def test_presets_are_discovered():
    assert set(recipes.names()) == {name for name in presets.__all__ if name.islower()}
