"""Compiles the hot modules with mypyc, from the same source that runs without it, and puts them into the wheel.

As a program, `compiled.py FOLDER`, it compiles the copy of the package in FOLDER: in a process of its own, so that whatever goes wrong
there is a message and no broken build.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).parent))

from backend import VARIABLE, wanted

HOT = {
    "capture": ("_records", "pcap", "tally"),
    "packets": ("*",),
    "tcp": ("*",),
    "tls": ("*",),
    "http": ("*",),
    "aws": ("_json_windows", "attempts", "calls", "dynamodb", "joining", "ownership", "pages", "placing", "recognizer"),
    "latency": ("callrow", "causes", "ledger", "waits"),
    "dns": ("addresses", "lookups"),
    "findings": ("whatif/scene",),
    "model": ("draft", "http", "seams"),
    "": ("assembly", "exchanging", "repeating", "resolvers", "words"),
}
"""What runs for each packet, record or exchange. All else runs once an answer, and compiling it would only take time.

Not the pipeline: a class that is not compiled cannot be derived from one that is. Of the findings only what makes the parts of calls: their
view remembers what it worked out in cached properties, which a compiled class has no place for.
"""
COLD = frozenset({
    "packets/fragments", "packets/icmp", "packets/ip6", "packets/ppp", "packets/tunnels",
    "tcp/clocks", "tcp/crowd", "tcp/icmp", "tcp/nearness", "tcp/outline", "tcp/overlap", "tcp/points", "tcp/sample", "tcp/twins",
    "tls/_mac", "tls/both", "tls/ciphers", "tls/shared", "tls/tickets", "tls/yardstick",
})  # fmt: skip
"""Their seldom used modules, which would take a fifth of the time."""
LIBRARY = "analyzer.compiled"
"""Name of the one extension module that holds the code of all others; mypyc adds `__mypyc`."""
OPTIMIZATION = "1"
"""-O3 takes twice as long to compile and runs no faster: what is left of the time is spent in the interpreter's own functions."""
CONFIGURATION = "[mypy]\nfollow_imports = silent\nignore_missing_imports = true\n"
"""Types only steer the compiler here; that they are right was checked before, with all libraries at hand."""


def sources() -> list[str]:
    """List the files of HOT, relative to the folder of the package."""
    found = [path for folder, names in HOT.items() for name in names for path in Path("analyzer", folder).glob(f"{name}.py")]
    return sorted(str(path) for path in found if path.stem != "__init__" and f"{path.parent.name}/{path.stem}" not in COLD)


def compile_in(folder: Path) -> None:
    """Compile the package in a folder, and leave the extension modules beside their sources."""
    os.chdir(folder)
    Path("mypy.ini").write_text(CONFIGURATION)
    from mypyc.build import mypycify
    from setuptools import Distribution
    from setuptools.command.build_ext import build_ext

    extensions = mypycify(
        ["--config-file", "mypy.ini", *sources()], opt_level=OPTIMIZATION, debug_level="0", multi_file=True, group_name=LIBRARY
    )
    for extension in extensions:
        # A warning of a compiler newer than mypyc is no reason to do without.
        extension.extra_compile_args = [argument for argument in extension.extra_compile_args if argument != "-Werror"]
        extension.include_dirs.append(str(Path("build", *LIBRARY.split(".")[:-1])))
    command = build_ext(Distribution({"name": "analyzer", "packages": [], "py_modules": [], "ext_modules": extensions}))
    command.inplace = True
    command.ensure_finalized()
    build = command.build_extensions

    def all_at_once() -> None:
        command.compiler.compile = lambda *given, **named: _compile(command.compiler, *given, **named)
        build()

    command.build_extensions = all_at_once
    command.run()


def _compile(
    compiler: Any,
    files: list[str],
    output_dir: str | None = None,
    macros: Any = None,
    include_dirs: Any = None,
    debug: bool = False,
    extra_preargs: Any = None,
    extra_postargs: Any = None,
    depends: Any = None,
) -> list[str]:
    """Compile C files like `CCompiler.compile` of setuptools, as many at a time as there are processors."""
    macros, objects, extra_postargs, pp_opts, build = compiler._setup_compile(
        output_dir, macros, include_dirs, files, depends, extra_postargs
    )
    arguments = compiler._get_cc_args(pp_opts, debug, extra_preargs)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for _ in pool.map(lambda item: compiler._compile(item, *build[item], arguments, extra_postargs, pp_opts), objects):
            pass
    return list(objects)


class CustomBuildHook(BuildHookInterface[Any]):
    """Adds the compiled modules to a wheel; see `backend` for when."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, where that is wanted and works. Raises RuntimeError where it was demanded and does not."""
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        if version == "editable" or not wanted():
            return
        self._scratch = tempfile.TemporaryDirectory(prefix="analyzer-compiled-")
        folder = Path(self._scratch.name)
        copytree(Path(self.root, "analyzer"), folder / "analyzer", ignore=ignore_patterns("__pycache__", "*.so"))
        done = subprocess.run([sys.executable, __file__, folder], capture_output=True, text=True, check=False)
        made = sorted(folder.glob("analyzer/**/*.so"))
        if done.returncode or not made:
            self._scratch.cleanup()
            if os.environ.get(VARIABLE) == "1":
                raise RuntimeError(f"compiling was demanded ({VARIABLE}=1) and failed:\n{(done.stdout + done.stderr)[-4000:]}")
            self.app.display_warning("the hot modules could not be compiled; plain Python is installed, which gives the same answers")
            return
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        build_data["force_include"].update({str(path): str(path.relative_to(folder)) for path in made})

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was made on the way."""
        if self._scratch is not None:
            self._scratch.cleanup()


if __name__ == "__main__":
    compile_in(Path(sys.argv[1]))
