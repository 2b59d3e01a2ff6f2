"""The rules of the layout, read off the source."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "keras_trainkit"
FILES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py")}
FIRST = sorted(FILES)

# Imports run one way: what stands in a row may import from the rows above it, and neither from
# the rows below nor from its neighbours in the row.
ROOM_ROWS = [
    {"_core", "version"},
    {"schedules", "optimizers", "layers", "datasets"},
    {"callbacks", "inference"},
    {"tuning"},
    {"presets"},
    {"board", "compat", "demo", "preview", "tune"},
    {"__main__"},
]
LAYER_ROWS = [{"augmentation", "regularization"}]
AUGMENTATION_ROWS = [
    {"algebra"},
    {"runs"},
    {"engine"},  # the modules beside the folders
    {"geometry", "color", "tone", "filters", "masks", "mixes"},
    {"policies"},
]


def dotted(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {dotted(path): path for path in FIRST}


def imported(path):
    """The modules of the package that a file names in an import, wherever in the file."""
    for node in ast.walk(FILES[path]):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            submodules = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in MODULES else node.module for name in submodules]
        else:
            continue
        yield from (name for name in names if name in MODULES)


def unit(module, folder):
    """The part of a folder that a module belongs to; None for the folder itself and outside it."""
    prefix = dotted(folder / "__init__.py") + "."
    if not module.startswith(prefix):
        return None
    name, *rest = module.removeprefix(prefix).split(".")
    loose = not rest and not (folder / name).is_dir()
    return "engine" if loose and folder.name == "augmentation" else name


@pytest.mark.parametrize(
    ("folder", "rows"),
    [
        (PACKAGE, ROOM_ROWS),
        (PACKAGE / "layers", LAYER_ROWS),
        (PACKAGE / "layers" / "augmentation", AUGMENTATION_ROWS),
    ],
    ids=lambda value: value.name if isinstance(value, Path) else "",
)
def test_imports_run_one_way(folder, rows):
    level = {name: row for row, names in enumerate(rows) for name in names}
    wrong = []
    for path in FIRST:
        here = unit(dotted(path), folder)
        if here is None:
            continue
        assert here in level, f"{dotted(path)} stands in no row"
        for target in imported(path):
            there = unit(target, folder)
            back = there is not None and there != here and level[there] >= level[here]
            # a room that imports the folder it stands in imports all its neighbours
            if back or target == dotted(folder / "__init__.py"):
                wrong.append(f"{dotted(path)} imports {target}")
    assert wrong == []


def test_data_is_for_the_presets_and_the_command_line():
    wrong = [
        f"{dotted(path)} imports {target}"
        for path in FIRST
        for target in imported(path)
        if unit(target, PACKAGE) == "datasets"
        and unit(dotted(path), PACKAGE) in {"callbacks", "inference", "tuning"}
    ]
    assert wrong == []


def test_no_module_imports_itself_round_a_circle():
    arrows = {dotted(path): set(imported(path)) - {dotted(path)} for path in FIRST}
    while free := [module for module, targets in arrows.items() if not targets & arrows.keys()]:
        for module in free:
            del arrows[module]
    assert arrows == {}


@pytest.mark.parametrize("path", FIRST, ids=dotted)
def test_imports_are_absolute_and_public(path):
    for node in ast.walk(FILES[path]):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            assert [alias.name for alias in node.names] != ["*"]
    source = ast.unparse(FILES[path])  # without comments
    assert not re.search(r"\bkeras\.(src|_)|from keras import .*\bsrc\b", source)


@pytest.mark.parametrize("path", FIRST, ids=dotted)
def test_nothing_is_left_for_later(path):
    later = re.findall(r"TODO|FIXME|XXX", path.read_text(encoding="utf-8"))
    assert later == []
