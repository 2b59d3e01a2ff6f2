"""`.ci/find-python` against made-up machines: folders of Pythons that answer as they are told."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FIND_PYTHON = Path(__file__).parents[2] / ".ci" / "find-python"
SH = shutil.which("sh")

# A real interpreter that says it is another one, so that the script's own probe is what runs.
FAKE = """#!/bin/sh
exec "{python}" -S -c '
import sys
option, probe = sys.argv[1:]
assert option == "-c"
sys.executable = "{path}"
sys.version_info = {version} + (0, "final", 0)
sys.modules.update(dict.fromkeys({missing}))
exec(probe)
' "$@"
"""
SHIM = '#!/bin/sh\necho "pyenv: $0: command not found" >&2\nexit 127\n'


class Machine:
    """Pythons on an otherwise empty PATH."""

    def __init__(self, folder):
        self.folder = folder

    def add(self, name, version=None, missing=()):
        """A Python of that version and without those modules, or one that does not run."""
        path = self.folder / name
        fake = FAKE.format(
            python=sys.executable, path=path, version=version, missing=json.dumps(missing)
        )
        path.write_text(fake if version else SHIM)
        path.chmod(0o755)
        return path

    def find(self, *arguments):
        return subprocess.run(
            [SH, FIND_PYTHON, *arguments],
            env={"PATH": str(self.folder)},
            capture_output=True,
            text=True,
            timeout=60,
        )


@pytest.fixture
def machine(tmp_path):
    folder = tmp_path / "bin of this machine"
    folder.mkdir()
    return Machine(folder)


def found(result):
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return Path(result.stdout.strip())


def refused(result):
    assert result.returncode == 1
    assert result.stdout == ""
    return result.stderr


@pytest.mark.parametrize("minor", [11, 12, 13])
def test_the_default_python_is_taken_where_tensorflow_has_a_wheel(machine, minor):
    default = machine.add("python3", (3, minor))
    machine.add("python3.13", (3, 13))
    assert found(machine.find()) == default


@pytest.mark.parametrize("default", [(3, 14), (3, 10), (2, 7)])
def test_else_the_newest_that_has_one(machine, default):
    machine.add("python3", default)
    machine.add("python3.11", (3, 11))
    newest = machine.add("python3.12", (3, 12))
    machine.add("python3.14", (3, 14))
    assert found(machine.find()) == newest


def test_a_shim_that_does_not_run_is_passed_over(machine):
    machine.add("python3")
    machine.add("python3.13")
    working = machine.add("python3.12", (3, 12))
    assert found(machine.find()) == working


@pytest.mark.parametrize("module", ["ensurepip", "venv"])
def test_an_incomplete_python_is_passed_over_for_a_complete_one(machine, module):
    machine.add("python3", (3, 12), missing=[module])
    complete = machine.add("python3.11", (3, 11))
    assert found(machine.find()) == complete


@pytest.mark.parametrize("module", ["ensurepip", "venv"])
def test_the_package_that_completes_it_is_named(machine, module):
    machine.add("python3", (3, 12), missing=[module])
    message = refused(machine.find())
    assert "python3 is Python 3.12 without ensurepip or venv; install python3-venv" in message
    assert "python3.12-venv" in message


def test_why_each_candidate_was_refused_is_said(machine):
    machine.add("python3", (3, 14))
    machine.add("python3.13")
    machine.add("python3.11", (3, 10))
    message = refused(machine.find())
    assert "wheels for 3.11 to 3.13" in message
    assert "python3 is Python 3.14; TensorFlow has no wheel for it" in message
    assert "python3.13 does not run" in message
    assert "python3.11 is Python 3.10; the package needs 3.11 or newer" in message
    assert "make PYTHON=/path/to/python3.13" in message


def test_a_machine_without_python_is_told_so(machine):
    assert "python3 is not on PATH" in refused(machine.find())


def test_the_one_that_is_named_is_taken_and_no_other(machine):
    machine.add("python3", (3, 13))
    named = machine.add("mine", (3, 12))
    assert found(machine.find(str(named))) == named
    assert "nowhere is not there" in refused(machine.find("nowhere"))
    assert "is Python 3.10" in refused(machine.find(str(machine.add("old", (3, 10)))))
    assert "does not run" in refused(machine.find(str(machine.add("shim"))))


def test_one_that_is_named_may_be_newer_than_the_list(machine):
    named = machine.add("python3.15", (3, 15))
    assert found(machine.find("python3.15")) == named


def test_it_finds_this_very_python():
    result = subprocess.run(
        [FIND_PYTHON, sys.executable], capture_output=True, text=True, timeout=60
    )
    assert os.path.samefile(found(result), sys.executable)
