"""What a pass over captures is made with: which files, whose keys, and whether another pass is worth it."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from analyzer import tls
from analyzer.errors import UsageError
from analyzer.model.capture import CaptureInfo
from analyzer.model.clocks import Clock
from analyzer.model.wants import Wants


class Reading(NamedTuple):
    """What a pass is made with."""

    names: Sequence[str | os.PathLike[str]]
    services: Sequence[str]
    keys: str | os.PathLike[str] | None
    wants: Wants
    clocks: Sequence[Clock]


@contextmanager
def undisturbed() -> Iterator[None]:
    """Keep the garbage collector still: a pass makes no cycles that matter, and looking for them takes a fifth of the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def worth_another(asked: Reading, info: CaptureInfo, keys: tls.KeyLog, missing: Iterable[bytes]) -> bool:
    """Tell whether secrets came after the packets that they open, and the captures can be read again."""
    return bool(info.secrets) and all(Path(name).is_file() for name in asked.names) and any(keys.secrets(random) for random in missing)


def key_log(path: str | os.PathLike[str] | None) -> tls.KeyLog:
    """Read a key log: the one that was asked for, else the one that the environment names, if it is there."""
    known = tls.KeyLog()
    named = path if path is not None else os.environ.get("SSLKEYLOGFILE")
    if not named:
        return known
    try:
        with Path(named).open("rb") as file:
            while piece := file.read(1 << 20):
                known.add(piece)
    except OSError as error:
        if path is not None:
            raise UsageError(f"cannot read the key log {os.fspath(path)}: {error.strerror or error}") from None
    return known


def holds_secrets(path: str | os.PathLike[str]) -> bool:
    """Tell whether the first MB of a file has a line of a key log."""
    known = tls.KeyLog()
    with Path(path).open("rb") as file:
        for line in file.read(1 << 20).splitlines():
            known.add(line + b"\n")
            if len(known):
                return True
    return False
