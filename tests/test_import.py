"""Importing the kit defines things and does nothing else, whichever backend is there."""

import json
import os
import pkgutil
import subprocess
import sys

import pytest
from rooms import SAVED

import keras_trainkit

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(keras_trainkit.__path__, "keras_trainkit.")
    if not module.name.endswith("__main__")
)

OF_EXTRAS = ["matplotlib", "sklearn", "tqdm", "PIL"]

# Runs before anything is imported: hides modules as if they were not installed.
HIDE = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {hidden}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hidden())
"""

# Watches what happens while the kit's modules are imported, Keras being there already.
WATCH = """
import importlib, json, os, sys
import keras
before = set(sys.modules)
acts = []
def watch(event, arguments):
    if event == "open":
        acted = isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
    else:
        acted = event.split(".")[0] in {"socket", "subprocess", "urllib", "shutil", "tempfile"} or (
            event in {"os.mkdir", "os.remove", "os.rename", "os.system", "os.putenv"}
        )
    if acted:
        acts.append(f"{event} {arguments}")
sys.addaudithook(watch)
for module in MODULES:
    importlib.import_module(module)
packages = sorted({name.partition(".")[0] for name in set(sys.modules) - before})
print(json.dumps([acts, packages]))
"""


def python(code, backend="tensorflow", hidden=()):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", HIDE.format(hidden=list(hidden)) + code],
        env={**os.environ, "KERAS_BACKEND": backend, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )


def last_line(text):
    return text.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("backend", "hidden"),
    [("tensorflow", OF_EXTRAS), ("jax", [*OF_EXTRAS, "tensorflow"])],
    ids=["tensorflow", "jax"],
)
def test_importing_every_module_does_no_work_and_needs_no_extra(backend, hidden):
    result = python(f"MODULES = {MODULES}\n{WATCH}", backend, hidden)
    assert result.returncode == 0, result.stderr
    acts, packages = json.loads(last_line(result.stdout))
    assert acts == []
    assert {"tensorflow", "jax", "torch", "scipy"}.isdisjoint(packages)


def test_importing_the_kit_is_enough_to_load_what_was_saved_with_it():
    saved = [f"keras_trainkit>{cls.__name__}" for cls in SAVED]
    result = python(
        "import keras, keras_trainkit\n"
        f"lost = [n for n in {saved} if keras.saving.get_registered_object(n) is None]\n"
        "assert not lost, lost\n"
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("missing", "backend", "sentence"),
    [
        (
            "tensorflow",
            "tensorflow",
            "keras_trainkit needs tensorflow, the backend that Keras is set to, and it is not "
            "installed: pip install 'keras_trainkit[tensorflow]', or set KERAS_BACKEND to the "
            "one that is",
        ),
        (
            "jax",
            "jax",
            "keras_trainkit needs jax, the backend that Keras is set to, and it is not "
            "installed: pip install 'keras_trainkit[tensorflow]', or set KERAS_BACKEND to the "
            "one that is",
        ),
        (
            "keras",
            "tensorflow",
            "keras_trainkit needs Keras 3, which is not installed: pip install 'keras>=3.12'",
        ),
        ("absl", "jax", "No module named 'absl'"),
    ],
)
def test_what_is_missing_is_said_in_one_sentence(missing, backend, sentence):
    result = python("import keras_trainkit", backend, hidden=[missing])
    assert result.returncode == 1
    assert last_line(result.stderr) == f"ModuleNotFoundError: {sentence}"
    assert "During handling" not in result.stderr or missing == "absl"
