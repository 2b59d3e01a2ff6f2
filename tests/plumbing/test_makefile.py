"""The Makefile and `.ci/install`, driven with a Python that only pretends to install."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Answers the probe of find-python, makes "environments" that hold a copy of itself, and logs
# everything else it is asked; what a file named fail-<word> or wait-<word> beside the Makefile
# names, it fails at or waits in; fail-<list>.txt makes it fail to install that list.
FAKE = """#!/bin/sh
case "$*" in
    "-c "*) echo "3 12 complete $0"; exit ;;
esac
echo "$*" >> log
for word in venv pip pytest ruff; do
    case "$* " in "-m $word "*)
        [ ! -e wait-$word ] || { touch waiting; sleep 20; }
        [ ! -e fail-$word ] || exit 1
    esac
done
asked="$*"
[ ! -e "fail-${asked##*/}" ] || exit 1
case "$*" in
    "-m venv --clear "*) rm -rf "$4"; mkdir -p "$4/bin"; cp "$0" "$4/bin/python" ;;
esac
"""


class Clone:
    """A fresh clone in a folder with a space in its name."""

    def __init__(self, folder):
        self.root = folder / "fresh clone"
        self.root.mkdir()
        for name in ("Makefile", "setup.cfg", "pyproject.toml"):
            shutil.copy2(ROOT / name, self.root / name)
        for name in (".ci", "benchmarks/environments", "tests/environments"):
            shutil.copytree(ROOT / name, self.root / name)
        for name in ("system-packages", "postgresql"):  # which are the machine's
            (self.root / ".ci" / name).write_text("#!/bin/sh\n")
        python = folder / "fake python"
        python.write_text(FAKE)
        python.chmod(0o755)
        # nothing else: what the make that runs these tests was told must not reach this one
        self.environment = {"PATH": os.environ["PATH"], "PYTHON": str(python)}

    def start(self, *arguments):
        # where the tests themselves run in the background, what they start would not hear Ctrl-C
        inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            return subprocess.Popen(
                ["make", *arguments],
                cwd=self.root,
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        finally:
            signal.signal(signal.SIGINT, inherited)

    def make(self, *arguments):
        process = self.start(*arguments)
        process.output, process.errors = process.communicate(timeout=60)
        return process

    def ci_run(self):
        return subprocess.run(
            [self.root / ".ci" / "run"],
            cwd=self.root.parent,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def log(self):
        """What the Python was asked since the last look."""
        log = self.root / "log"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return lines

    def stamps(self):
        return sorted(path.name for path in self.root.glob(".venv*/.installed-*"))

    def wait_for(self, name):
        deadline = time.monotonic() + 30
        while not (self.root / name).exists():
            assert time.monotonic() < deadline, f"{name} never came"
            time.sleep(0.02)


@pytest.fixture
def clone(tmp_path):
    return Clone(tmp_path)


VENV = "-m venv --clear .venv"
PIP = "-m pip install --quiet --disable-pip-version-check --editable .[{}]"
TESTS = "-m pytest --numprocesses auto --dist worksteal"
ROOMS = "tests/optimizers tests/schedules/test_schedule_curves.py tests/callbacks tests/inference"
PARTS = ("find_learning_rate", "overfit_small_sample", "run_all", "search")
TUNING = " ".join(f"tests/tuning/test_{part}.py" for part in PARTS)
ON_BACKEND = f"{TESTS} {ROOMS} tests/layers/regularization {TUNING}"
ADDONS = "-m pytest -s -m slow tests/optimizers/test_same_as_addons.py"
LINT = ["-m ruff check", "-m ruff format --check", "-m mypy"]


def test_demo_installs_once_and_then_runs(clone):
    first = clone.make("demo")
    assert first.returncode == 0, first.errors
    assert clone.log() == [VENV, PIP.format("cpu,demo"), "-m keras_trainkit demo"]
    assert "Making .venv with" in first.output
    assert "Installing keras_trainkit[cpu,demo] into .venv" in first.output

    second = clone.make("demo", "ARGS=--epochs 3 --seed 1")
    assert second.returncode == 0
    assert clone.log() == ["-m keras_trainkit demo --epochs 3 --seed 1"]
    assert "Installing" not in second.output


def test_test_lints_first(clone):
    assert clone.make("test").returncode == 0
    assert clone.log() == [VENV, PIP.format("test"), *LINT, TESTS]


def test_slow_tests_are_those_that_are_marked(clone):
    assert clone.make("test-slow").returncode == 0
    assert clone.log() == [VENV, PIP.format("test"), "-m pytest -m slow"]


def environment(name, folder="benchmarks/environments"):
    """What making an environment from a list asks of Python."""
    return [
        f"-m venv --clear .venv-{name}",
        f"-m pip install --quiet --disable-pip-version-check --requirement {folder}/{name}.txt",
    ]


def test_the_benchmark_has_an_environment_for_each_family_of_libraries(clone):
    assert clone.make("bench", "ARGS=--repeats 3").returncode == 0
    assert clone.log() == [
        *environment("kerascv"),
        *environment("tfa"),
        *environment("torch"),
        "benchmarks/augmentation.py --repeats 3",
    ]
    assert clone.make("bench").returncode == 0
    assert clone.log() == ["benchmarks/augmentation.py"]


def test_the_benchmark_goes_on_without_a_peer_that_does_not_install(clone):
    (clone.root / "fail-tfa.txt").touch()
    result = clone.make("bench")
    assert result.returncode == 0
    assert "The benchmark goes on without .venv-tfa." in result.output
    assert clone.stamps() == [".installed-kerascv", ".installed-torch"]
    assert clone.log()[-1] == "benchmarks/augmentation.py"


def test_the_benchmark_does_not_go_on_without_the_kit(clone):
    (clone.root / "fail-kerascv.txt").touch()
    assert clone.make("bench").returncode != 0
    assert "benchmarks/augmentation.py" not in clone.log()


def test_extras_share_one_environment_and_never_install_at_once(clone):
    assert clone.make("-j4", "demo", "test-slow").returncode == 0
    assert clone.log() == [
        VENV,
        PIP.format("cpu,demo"),
        "-m keras_trainkit demo",
        PIP.format("test"),
        "-m pytest -m slow",
    ]
    assert clone.stamps() == [".installed-cpu,demo", ".installed-test"]


@pytest.mark.parametrize("requirements", ["setup.cfg", "pyproject.toml"])
def test_new_requirements_are_installed(clone, requirements):
    clone.make("lint")
    clone.log()
    later = time.time() + 5
    os.utime(clone.root / requirements, (later, later))
    assert clone.make("lint").returncode == 0
    assert clone.log() == [PIP.format("test"), *LINT]


@pytest.mark.parametrize(
    ("step", "again"), [("venv", [VENV, PIP.format("test")]), ("pip", [PIP.format("test")])]
)
def test_a_failed_install_leaves_no_stamp_and_is_done_again(clone, step, again):
    (clone.root / f"fail-{step}").touch()
    assert clone.make("lint").returncode != 0
    assert clone.stamps() == []
    (clone.root / f"fail-{step}").unlink()
    clone.log()
    assert clone.make("lint").returncode == 0
    assert clone.log() == [*again, *LINT]


@pytest.mark.parametrize("step", ["venv", "pip"])
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_install_leaves_no_stamp_and_no_lock(clone, step, stop):
    (clone.root / f"wait-{step}").touch()
    process = clone.start("lint")
    clone.wait_for("waiting")
    for _ in range(3):  # pressed again, or passed on by make: it may arrive while cleaning up
        os.killpg(process.pid, stop)
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert clone.stamps() == []
    assert not (clone.root / ".venv.lock").exists()
    (clone.root / f"wait-{step}").unlink()
    assert clone.make("lint").returncode == 0
    assert clone.stamps() == [".installed-test"]


def test_a_second_make_does_not_install_beside_the_first(clone):
    (clone.root / "wait-pip").touch()
    first = clone.start("lint")
    clone.wait_for("waiting")
    second = clone.make("demo")
    os.killpg(first.pid, signal.SIGTERM)
    first.communicate(timeout=60)
    assert second.returncode != 0
    assert "Another make is installing into .venv" in second.errors
    assert clone.stamps() == []


def test_a_python_that_will_not_do_is_refused_before_anything_is_made(clone):
    result = clone.make("test", "PYTHON=/nowhere/python3")
    assert result.returncode != 0
    assert "/nowhere/python3 is not there" in result.errors
    assert not (clone.root / ".venv").exists()


@pytest.mark.parametrize("step", ["ruff", "pytest"])
def test_what_fails_fails_the_run(clone, step):
    (clone.root / f"fail-{step}").touch()
    assert clone.ci_run().returncode != 0
    assert "-m pytest -m slow" not in clone.log()


def test_ci_runs_the_tests_then_what_takes_longer_and_says_so(clone):
    run = clone.ci_run()
    assert run.returncode == 0, run.stderr
    assert clone.log() == [
        *(VENV, PIP.format("test"), *LINT, TESTS, "-m pytest -m slow", ON_BACKEND),
        *(*environment("torch-backend", "tests/environments"), ON_BACKEND),
        *(*environment("tfa"), ADDONS),
    ]
    runs = [line for line in run.stdout.splitlines() if line.startswith("+ ")]
    tests = [f"+ make test{which}" for which in ("", "-slow", "-jax", "-torch", "-tfa")]
    assert runs == ["+ .ci/system-packages", *tests]


def test_what_does_not_install_is_not_passed_over(clone):
    for target, missing in (("test-torch", "torch-backend"), ("test-tfa", "tfa")):
        (clone.root / f"fail-{missing}.txt").touch()
        assert clone.make(target).returncode != 0
        assert ON_BACKEND not in (log := clone.log())
        assert ADDONS not in log


def test_clean_keeps_what_the_user_made(clone):
    clone.make("lint")
    for folder in ("runs/demo", "keras_trainkit/__pycache__", "tests", "benchmarks"):
        (clone.root / folder).mkdir(parents=True, exist_ok=True)
    assert clone.make("clean").returncode == 0
    assert not (clone.root / ".venv").exists()
    assert not (clone.root / "keras_trainkit" / "__pycache__").exists()
    assert (clone.root / "runs" / "demo").exists()


def test_help_lists_every_target_and_is_the_default(clone):
    targets = {"demo", "test", "lint", "bench", "clean", "help"}
    targets |= {"test-slow", "test-jax", "test-torch", "test-tfa"}
    listed = clone.make().output
    assert targets <= {line.split()[0] for line in listed.splitlines() if line}
    assert clone.make("help").output == listed
