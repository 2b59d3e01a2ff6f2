"""Every example in the package runs and prints what it says."""

import doctest
import importlib
import pkgutil
import sys

import keras
import pytest

import keras_trainkit

MODULES = ["keras_trainkit"] + [
    module.name
    for module in pkgutil.walk_packages(keras_trainkit.__path__, "keras_trainkit.")
    if not module.name.endswith("__main__")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    keras.utils.clear_session(free_memory=False)  # layers are numbered from one again
    failed, _ = doctest.testmod(importlib.import_module(name))
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
    assert failed == 0


def test_there_are_examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    modules = map(importlib.import_module, MODULES)
    assert sum(bool(test.examples) for module in modules for test in finder.find(module)) > 20
