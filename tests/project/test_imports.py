"""The import contract of pyproject.toml holds, and would not if a stage imported another."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

HEAVY = ("numpy", "pandas", "pyarrow", "pyshark", "rich", "scapy", "tabulate")
"""What costs more to import than `analyzer --help` may take; verbs import them when they need them."""


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    program = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    return subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def toy(tmp_path: Path, root: Path) -> Path:
    """A tree of empty parts under the real contract."""
    shutil.copy(root / "pyproject.toml", tmp_path)
    (contract,) = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    for part in re.findall(r"\w+", " ".join(contract["layers"])):
        folder = tmp_path / "analyzer" / part
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text("")
    (tmp_path / "analyzer" / "__init__.py").write_text("from analyzer import pipeline\n")
    return tmp_path


def test_the_contract_holds(root: Path) -> None:
    done = lint(root)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_public_names_may_import_the_pipeline(toy: Path) -> None:
    done = lint(toy)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "importer,imported",
    [
        ("tcp", "http"),  # a stage and another
        ("http", "pipeline"),
        ("model", "tcp"),
        ("units", "model"),
        ("report", "cli"),
        ("report", "pipeline"),
        ("findings", "report"),
    ],
)
def test_the_contract_forbids(toy: Path, importer: str, imported: str) -> None:
    (toy / "analyzer" / importer / "part.py").write_text(f"import analyzer.{imported}\n")
    done = lint(toy)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"analyzer.{importer}.part -> analyzer.{imported}" in done.stdout


def test_a_new_part_needs_a_place(toy: Path) -> None:
    (toy / "analyzer" / "helpers.py").write_text("")
    done = lint(toy)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "helpers" in done.stdout


@pytest.mark.parametrize("module", ["analyzer", "analyzer.cli"])
def test_start_up_imports_nothing_heavy(module: str, root: Path) -> None:
    program = f"import sys, {module}; print(*sorted({set(HEAVY)!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""
