"""The guides run from top to bottom, and what they show is what is stored in them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NAMES = sorted(path.name for path in FOLDER.glob("*.ipynb"))
ORDER = ["first-look", "cold-connections", "credentials", "keep-alive", "retries", "pages-and-filters", "encrypted", "many-captures"]


def cells(book: Any, kind: str) -> list[Any]:
    return [cell for cell in book["cells"] if cell["cell_type"] == kind]


def text(cell: Any) -> str:
    """What a cell prints; what a data frame looks like is pandas' affair."""
    return "".join(
        "".join(output["text"]) for output in cell["outputs"] if output["output_type"] == "stream" and output["name"] == "stdout"
    )


def forms(cell: Any) -> list[set[str]]:
    """In which forms a cell shows what."""
    return [set(output.get("data", {})) for output in cell["outputs"] if output["output_type"] in ("execute_result", "display_data")]


def test_the_guides_are_there_in_their_order() -> None:
    assert [re.sub(r"^[0-9]+-|\.ipynb$", "", name) for name in NAMES] == ORDER


@pytest.mark.parametrize("name", NAMES)
def test_a_guide_teaches_and_says_what_it_cannot_show(name: str) -> None:
    book = json.loads((FOLDER / name).read_text())
    prose = "\n".join("".join(cell["source"]) for cell in cells(book, "markdown"))
    assert prose.startswith("# ")
    assert "cannot" in prose
    code = "\n".join("".join(cell["source"]) for cell in cells(book, "code"))
    assert "analyzer.read(" in code
    assert "to_pandas()" in code
    for linked in re.findall(r"\(([\w-]+\.ipynb)\)", prose):
        assert (FOLDER / linked).exists(), linked
    for mentioned in re.findall(r"captures/[\w.-]+\.(?:pcap|keys)", prose + code):
        assert (FOLDER.parent / mentioned).exists(), mentioned


@pytest.mark.filterwarnings("ignore")  # of the programs that run notebooks
@pytest.mark.parametrize("name", NAMES)
def test_a_guide_runs_and_shows_what_is_stored(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    pytest.importorskip("matplotlib")
    for variable in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "MPLCONFIGDIR"):
        monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.delenv("SSLKEYLOGFILE", raising=False)
    stored = nbformat.read(FOLDER / name, 4)
    fresh = nbformat.read(FOLDER / name, 4)
    nbclient.NotebookClient(fresh, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(FOLDER)}}).execute()
    for then, now in zip(cells(stored, "code"), cells(fresh, "code"), strict=True):
        assert text(now) == text(then)
        assert forms(now) == forms(then)
    assert any("image/png" in form for cell in cells(fresh, "code") for form in forms(cell)) or name.startswith(("07", "08"))
