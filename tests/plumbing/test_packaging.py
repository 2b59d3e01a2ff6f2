"""What setup.cfg and its neighbours promise to pip."""

import ast
import configparser
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "keras_trainkit"


@pytest.fixture(scope="module")
def setup_cfg():
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def extra(setup_cfg, name, environment=None):
    lines = setup_cfg["options.extras_require"][name].strip().splitlines()
    requirements = [Requirement(line) for line in lines]
    return [r.name for r in requirements if r.marker is None or r.marker.evaluate(environment)]


@pytest.mark.parametrize(
    ("system", "machine", "expected"),
    [
        ("linux", "x86_64", "tensorflow-cpu"),
        ("win32", "AMD64", "tensorflow-cpu"),
        ("linux", "aarch64", "tensorflow"),
        ("darwin", "arm64", "tensorflow"),
        ("darwin", "x86_64", "tensorflow"),
    ],
)
def test_cpu_brings_the_tensorflow_that_has_wheels(setup_cfg, system, machine, expected):
    environment = {"sys_platform": system, "platform_machine": machine, "extra": "cpu"}
    assert extra(setup_cfg, "cpu", environment) == [expected]


def test_the_package_itself_brings_no_backend(setup_cfg):
    required = setup_cfg["options"]["install_requires"].split()
    assert [Requirement(line).name for line in required] == ["keras", "numpy"]


def test_an_extra_asks_for_no_extra_that_is_not_there(setup_cfg):
    extras = setup_cfg["options.extras_require"]
    named = {
        own
        for lines in extras.values()
        for line in lines.strip().splitlines()
        for own in Requirement(line).extras
    }
    assert named <= set(extras)


def test_the_oldest_python_is_the_same_everywhere(setup_cfg):
    with open(ROOT / "pyproject.toml", "rb") as file:
        ruff = tomllib.load(file)["tool"]["ruff"]["target-version"]
    found = re.search(r"^oldest=(\d+)", (ROOT / ".ci" / "find-python").read_text(), re.MULTILINE)
    minor = int(found[1])
    assert setup_cfg["options"]["python_requires"] == f">=3.{minor}"
    assert setup_cfg["mypy"]["python_version"] == f"3.{minor}"
    assert ruff == f"py3{minor}"


def test_the_version_is_a_literal_in_a_module_that_imports_nothing(setup_cfg):
    module, _, name = setup_cfg["metadata"]["version"].removeprefix("attr: ").rpartition(".")
    tree = ast.parse((ROOT / (module.replace(".", "/") + ".py")).read_text())
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    (version,) = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and node.targets[0].id == name
    ]
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_folder_of_modules_is_a_package_and_so_is_installed():
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    assert not [folder for folder in folders if not (folder / "__init__.py").exists()]
