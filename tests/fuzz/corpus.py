"""The stored corpus: for each target a file of inputs, one a line in base64, smallest first, each of which adds coverage.

Two thousand files of forty bytes would drown the checkout; a line an input still shows in a difference what came and went.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

FOLDER = Path(__file__).parent / "corpus"
LARGEST_STORED = 3000
"""Bytes of an input that is stored; what only a longer one reaches is for the long run."""


def stored(name: str, folder: Path = FOLDER) -> list[bytes]:
    """Return the inputs that are stored for a target; none where there is no file."""
    path = folder / f"{name}.txt"
    return [b64decode(line, validate=True) for line in path.read_text("ascii").split("\n") if line] if path.exists() else []


def store(name: str, inputs: Iterable[bytes], folder: Path = FOLDER) -> int:
    """Write the corpus of a target; return how many inputs it has."""
    kept = sorted({data for data in inputs if 0 < len(data) <= LARGEST_STORED}, key=lambda data: (len(data), data))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.txt").write_text("".join(b64encode(data).decode() + "\n" for data in kept), "ascii")
    return len(kept)


def spread(inputs: Iterable[bytes], folder: Path) -> Path:
    """Write inputs as files, as libFuzzer reads them; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for data in inputs:
        (folder / sha256(data).hexdigest()[:20]).write_bytes(data)
    return folder


def gather(folder: Path) -> list[bytes]:
    """Read the files of a folder."""
    return [path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()]
