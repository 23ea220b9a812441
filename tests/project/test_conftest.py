"""A skipped test is skipped here and fails in continuous integration."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CASES = {
    "inside a test": "import pytest\n\ndef test_it():\n    pytest.skip('no such tool')\n",
    "a whole module": "import pytest\n\npytest.importorskip('no_such_module_anywhere')\n\ndef test_it():\n    pass\n",
    "by a mark": "import pytest\n\n@pytest.mark.skip(reason='no such tool')\ndef test_it():\n    pass\n",
    "by a fixture": "def test_it(shared):\n    pass\n",
}


def outcome(folder: Path, root: Path, source: str, ci: str | None) -> int:
    (folder / "tests").mkdir()
    (folder / "tests" / "conftest.py").write_text((root / "tests" / "conftest.py").read_text())
    (folder / "tests" / "test_case.py").write_text(source)
    environment = {name: value for name, value in os.environ.items() if name != "CI"} | ({} if ci is None else {"CI": ci})
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", str(folder / "tests")]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False).returncode


@pytest.mark.parametrize("case", CASES)
def test_a_skip_fails_in_ci(tmp_path: Path, root: Path, case: str) -> None:
    assert outcome(tmp_path, root, CASES[case], "true") != 0


@pytest.mark.parametrize("case", ["inside a test", "by a fixture"])
def test_a_skip_is_a_skip_elsewhere(tmp_path: Path, root: Path, case: str) -> None:
    assert outcome(tmp_path, root, CASES[case], None) == 0


def test_an_expected_failure_is_no_skip(tmp_path: Path, root: Path) -> None:
    assert outcome(tmp_path, root, "import pytest\n\n@pytest.mark.xfail\ndef test_it():\n    raise ValueError\n", "true") == 0
