"""What a build of the wheel takes, and when it compiles. That compiled and plain code answer alike is checked by `tests/compiled.py`."""

from __future__ import annotations

import importlib.util
import os
import sys
import sysconfig
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

TOP = Path(__file__).parents[2]


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, TOP / ".build" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> Any:
    pytest.importorskip("hatchling", reason="hatchling comes with the extra dev")
    monkeypatch.delenv("ANALYZER_COMPILE", raising=False)
    monkeypatch.chdir(TOP)
    return load("backend")


@pytest.fixture
def compiled(backend: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setitem(sys.modules, "backend", backend)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return load("compiled")


def test_the_environment_decides(backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for told, answer in (("0", False), ("1", True)):
        monkeypatch.setenv("ANALYZER_COMPILE", told)
        assert backend.wanted() is answer


def test_without_a_compiler_nothing_more_is_installed(backend: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    assert not backend.wanted()
    assert not any("mypy" in name for name in backend.get_requires_for_build_wheel())


def test_without_the_headers_of_python_neither(backend: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    assert not backend.wanted()


def test_with_both_mypy_is(backend: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    compiler = tmp_path / "cc"
    compiler.write_text("#!/bin/sh\n")
    compiler.chmod(0o755)
    (tmp_path / "Python.h").touch()
    monkeypatch.setenv("CC", os.fspath(compiler))
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    assert backend.wanted()
    assert any(name.startswith("mypy") for name in backend.get_requires_for_build_wheel())


def test_an_editable_install_takes_no_compiler(backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANALYZER_COMPILE", "1")
    assert not any("mypy" in name for name in backend.get_requires_for_build_editable())


def test_all_that_is_named_hot_is_there(compiled: Any) -> None:
    found = compiled.sources()
    for folder, names in compiled.HOT.items():
        for name in names:
            assert any(Path(path).match(f"{folder or 'analyzer'}/{name}.py") for path in found), (folder, name)
    assert not any(path.endswith("__init__.py") for path in found)
    assert {path.name for path in TOP.glob("analyzer/**/_*.py") if path.name not in ("__init__.py", "__main__.py")} >= {"_loop.py"}


class Hook:
    """What hatchling hands to a hook, as far as it is used."""

    def __init__(self, compiled: Any, root: Path) -> None:
        self.warnings: list[str] = []
        self.hook = compiled.CustomBuildHook.__new__(compiled.CustomBuildHook)
        self.hook._BuildHookInterface__root = str(root)
        self.hook._BuildHookInterface__app = type("App", (), {"display_warning": staticmethod(self.warnings.append)})
        self.data: dict[str, Any] = {"force_include": {}, "pure_python": True, "infer_tag": False}


@pytest.fixture
def broken(compiled: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Hook:
    """A package that no compiler takes."""
    (tmp_path / "analyzer" / "tcp").mkdir(parents=True)
    (tmp_path / "analyzer" / "tcp" / "_loop.py").write_text("def broken(\n")
    monkeypatch.setattr(compiled, "wanted", lambda: True)
    return Hook(compiled, tmp_path)


def test_what_cannot_be_compiled_is_installed_plain(broken: Hook) -> None:
    broken.hook.initialize("standard", broken.data)
    assert broken.data == {"force_include": {}, "pure_python": True, "infer_tag": False}
    assert len(broken.warnings) == 1
    assert "plain Python" in broken.warnings[0]
    broken.hook.finalize("standard", broken.data, "")


def test_but_not_where_compiling_was_demanded(broken: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANALYZER_COMPILE", "1")
    with pytest.raises(RuntimeError, match="demanded"):
        broken.hook.initialize("standard", broken.data)


def test_an_editable_install_stays_plain(broken: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANALYZER_COMPILE", "1")
    broken.hook.initialize("editable", broken.data)
    assert broken.data["pure_python"]
    assert not broken.warnings


def test_the_source_package_can_build_itself() -> None:
    build = tomllib.loads((TOP / "pyproject.toml").read_text())
    assert ".build" in build["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    assert build["build-system"]["backend-path"] == [".build"]
