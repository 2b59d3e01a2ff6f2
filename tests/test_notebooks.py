"""Every notebook runs from top to bottom, with small sizes put in by replacements."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parent.parent / "notebooks"
REPLACEMENTS = {
    "01_quickstart.ipynb": {
        '%pip install -q "keras_trainkit[demo]"': "",
        "EPOCHS = 40": "EPOCHS = 2",
        "datasets.digits_on_photos(seed=0)": "small(datasets.digits_on_photos(seed=0))",
        "keras.utils.set_random_seed(0)": """
keras.utils.set_random_seed(0)

def small(splits):
    parts = (splits.train, splits.validation, splits.test)
    parts = [(images[:128], labels[:128]) for images, labels in parts]
    return datasets.Splits(*parts, splits.class_names)
""",
    },
}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.ipynb")), ids=lambda path: path.name)
def test_the_notebook_runs(path, tmp_path, monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    notebook = nbformat.read(path, as_version=4)
    for old, new in REPLACEMENTS[path.name].items():
        found = [cell for cell in notebook.cells if old in cell.source]
        assert len(found) == 1, f"{old!r} stands in {len(found)} cells"
        found[0].source = found[0].source.replace(old, new)
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources).execute()
    pictures = [
        output
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]
    assert len(pictures) == 4
    assert (tmp_path / "best.keras").exists()


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.ipynb")), ids=lambda path: path.name)
def test_the_notebook_is_stored_without_outputs(path):
    code = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert code
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
