"""Which captures a batch is about: paths, folders, globs and addresses that fsspec knows (s3://, gs://, https://)."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from glob import glob, has_magic
from pathlib import Path
from typing import Any, NamedTuple

from analyzer.errors import CaptureError, MissingTool, UsageError

CAPTURE = re.compile(r"\.(pcap|pcapng|cap|dump|dmp)\d*(\.(gz|zst|lz4))?$", re.IGNORECASE)
"""Names of captures: in a folder nothing else is looked at. tcpdump's -C adds a number at the end."""


class Source(NamedTuple):
    """One capture file."""

    address: str
    """Its path, or its address with a scheme."""
    size: int
    changed: str
    """What changes with its content: time of modification or the store's tag; empty where nothing tells."""


def is_address(text: str) -> bool:
    """Tell whether an input is an address rather than a path."""
    return "://" in text


def expand(inputs: Iterable[str | os.PathLike[str]]) -> list[Source]:
    """Return the captures that inputs name, each once, in order of their addresses. Raises UsageError, CaptureError, MissingTool."""
    found: dict[str, Source] = {}
    for given in inputs:
        text = os.fspath(given)
        some = _at_address(text) if is_address(text) else _at_path(text)
        if not some:
            raise CaptureError(f"{text} names no capture", hint="captures end in .pcap, .pcapng or .cap, also with .gz, .zst or .lz4")
        found.update((source.address, source) for source in some)
    if not found:
        raise UsageError("no capture was named", hint="name files, folders, globs or addresses")
    return [found[address] for address in sorted(found)]


def _at_path(text: str) -> list[Source]:
    path = Path(text)
    if path.is_dir():
        files = [file for file in path.rglob("*") if CAPTURE.search(file.name)]
    elif path.exists() or not has_magic(text):
        files = [path]
    else:
        names = glob(text, recursive=True)  # noqa: PTH207 - of any path, also an absolute one
        files = [file for name in names if (file := Path(name)).is_dir() or CAPTURE.search(name) or file.is_file()]
    out = []
    for file in files:
        if file.is_dir():
            out += _at_path(os.fspath(file))
            continue
        try:
            about = file.stat()
        except OSError as error:
            raise CaptureError(f"{file} cannot be read: {error.strerror}", hint="check the path") from None
        out.append(Source(os.fspath(file), about.st_size, str(about.st_mtime_ns)))
    return out


def _filesystem(address: str) -> tuple[Any, str]:
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise MissingTool("addresses need fsspec", hint="pip install 'sdkledger[batch]', and s3fs for s3://") from None
    try:
        system, path = url_to_fs(address)
    except (ImportError, ValueError) as error:
        raise MissingTool(f"nothing here reads {address.partition('://')[0]}://", hint=str(error).splitlines()[0]) from None
    return system, path


def _at_address(address: str) -> list[Source]:
    system, path = _filesystem(address)
    try:
        if has_magic(path):
            names = system.glob(path)
        elif system.isdir(path):
            names = [name for name in system.find(path) if CAPTURE.search(name)]
        else:
            names = [path]
        out = []
        for name in names:
            about = system.info(name)
            changed = next((about[key] for key in ("ETag", "etag", "mtime", "LastModified", "created") if about.get(key)), "")
            out.append(Source(system.unstrip_protocol(name), int(about.get("size") or 0), str(changed)))
    except OSError as error:
        raise CaptureError(f"{address} cannot be read: {error.strerror or type(error).__name__}") from None
    return out


@contextmanager
def at_hand(sources: Iterable[Source]) -> Iterator[list[str]]:
    """Give the paths of captures: what lies elsewhere is copied into a folder of its own, which goes afterwards.

    Raises CaptureError where one cannot be fetched, MissingTool.
    """
    with tempfile.TemporaryDirectory(prefix="analyzer-batch-") as folder:
        paths = []
        for number, source in enumerate(sources):
            if not is_address(source.address):
                paths.append(source.address)
                continue
            system, path = _filesystem(source.address)
            target = Path(folder, str(number), Path(path).name)
            target.parent.mkdir()
            try:
                system.get_file(path, os.fspath(target))
            except OSError as error:
                raise CaptureError(f"{source.address} cannot be read: {error.strerror or type(error).__name__}") from None
            paths.append(os.fspath(target))
        yield paths
