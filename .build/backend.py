"""Builds the wheel (PEP 517) with hatchling, and lets it compile the hot modules where a C compiler is at hand.

`ANALYZER_COMPILE=0` leaves that out, `ANALYZER_COMPILE=1` demands it; unset, what cannot be compiled is installed as plain Python, which
gives the same answers. Editable installs are always plain: an edit would not show in compiled code.
"""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling import build as hatchling
from hatchling.build import *  # noqa: F403 - all other parts of the interface are hatchling's

VARIABLE = "ANALYZER_COMPILE"
REQUIRES = ("mypy>=2.0", "setuptools>=77")
"""What compiling takes beside a C compiler: mypyc is a part of mypy; setuptools knows how extension modules are built."""


def wanted() -> bool:
    """Tell whether the hot modules are to be compiled: told by the environment, else where a compiler and Python's headers are."""
    told = os.environ.get(VARIABLE, "").strip()
    if told in ("0", "1"):
        return told == "1"
    if sys.implementation.name != "cpython" or sysconfig.get_config_var("Py_GIL_DISABLED") or sys.platform == "win32":
        return False
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    return shutil.which(compiler) is not None and (Path(sysconfig.get_path("include")) / "Python.h").is_file()


def get_requires_for_build_wheel(config_settings: dict[str, Any] | None = None) -> list[str]:
    """Name what a build of the wheel takes."""
    return [*hatchling.get_requires_for_build_wheel(config_settings), *(REQUIRES if wanted() else ())]
