"""Modules that wait for their first use."""

import sys

import pytest

from keras_trainkit._core.lazy import LazyModule


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Writes a package that tells when it is imported."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(name, source):
        (tmp_path / f"{name}.py").write_text(source)

    yield write
    for path in tmp_path.glob("*.py"):
        sys.modules.pop(path.stem, None)


def test_it_is_imported_at_the_first_attribute_and_once(installed):
    installed("lazy_counted", "import builtins\nanswer = 42\n")
    module = LazyModule("lazy_counted", "demo")
    assert "lazy_counted" not in sys.modules
    assert module.answer == 42
    first = sys.modules.pop("lazy_counted")
    assert module.answer == 42
    assert "lazy_counted" not in sys.modules
    assert first.answer == 42


def test_a_submodule_is_meant_by_its_full_name():
    assert LazyModule("os.path", "demo").basename("a/b") == "b"


def test_a_missing_package_is_one_sentence_with_the_cure():
    module = LazyModule("no_such_package.part", "plots")
    with pytest.raises(ModuleNotFoundError) as caught:
        module.figure  # noqa: B018
    assert str(caught.value) == (
        "This part of keras_trainkit needs no_such_package, which is not installed: "
        "pip install 'keras_trainkit[plots]'"
    )
    assert caught.value.name == "no_such_package"
    assert caught.value.__suppress_context__


def test_a_broken_package_speaks_for_itself(installed):
    installed("lazy_broken", "import no_such_dependency\n")
    with pytest.raises(ModuleNotFoundError, match="No module named 'no_such_dependency'"):
        LazyModule("lazy_broken", "demo").anything  # noqa: B018


def test_an_attribute_that_is_not_there_is_missed_as_usual():
    with pytest.raises(AttributeError, match="nowhere"):
        LazyModule("math", "demo").nowhere  # noqa: B018
