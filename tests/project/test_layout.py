"""House rules that a program can check: sizes of files, names of tests, what the project file promises."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

LONGEST = 350
"""Lines; a longer file is more than one thing."""


@pytest.fixture(scope="module")
def project(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text())


def test_no_file_is_long(root: Path) -> None:
    sizes = {str(path.relative_to(root)): len(path.read_text().splitlines()) for path in (root / "analyzer").rglob("*.py")}
    assert sizes, "no files found: the test looks in the wrong place"
    assert {name: size for name, size in sizes.items() if size > LONGEST} == {}


def test_each_package_says_what_it_is(root: Path) -> None:
    folders = {path.parent for path in (root / "analyzer").rglob("*.py")}
    bare = [str(folder.relative_to(root)) for folder in folders if not (folder / "__init__.py").is_file()]
    assert bare == [], "packages without __init__.py are left out of the import contract"


def test_test_files_have_names_of_their_own(root: Path) -> None:
    names = Counter(path.name for path in (root / "tests").rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []


def test_dependencies_have_lower_bounds_only(project: dict[str, Any]) -> None:
    wanted = [*project["project"]["dependencies"]]
    for extra in project["project"]["optional-dependencies"].values():
        wanted += [line for line in extra if not line.startswith(project["project"]["name"])]
    unbound = [line for line in wanted if not re.fullmatch(r"[A-Za-z0-9._-]+(\[[a-z,]+\])?>=\d[\d.]*(; .+)?", line)]
    assert unbound == []


def test_the_wheel_is_the_package(project: dict[str, Any]) -> None:
    hooks = {"custom": {"path": ".build/compiled.py"}}  # adds compiled modules beside their sources
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"] == {"packages": ["analyzer"], "hooks": hooks}
    assert project["project"]["scripts"] == {"analyzer": "analyzer.cli:run"}


def test_the_readme_is_the_front_page(project: dict[str, Any], root: Path) -> None:
    assert project["project"].get("readme") == ("README.md" if (root / "README.md").exists() else None)


def test_the_test_command_reads_the_same_everywhere(root: Path) -> None:
    found = {}
    for path in (root / "README.md", root / "CONTRIBUTING.md"):
        if path.exists():
            for line in re.findall(r"^<!-- test-command -->\n```sh\n(.+)\n```$", path.read_text(), re.MULTILINE):
                found[path.name] = line
    assert found, "no document holds the test command"
    assert len(set(found.values())) == 1, found


def test_nothing_of_the_wheel_is_ignored(root: Path) -> None:
    # hatchling leaves out what .gitignore names.
    ignored = [line.rstrip("/") for line in (root / ".gitignore").read_text().splitlines() if line]
    parts = {part for path in (root / "analyzer").rglob("*") if "__pycache__" not in path.parts for part in path.relative_to(root).parts}
    assert parts & set(ignored) == set()
