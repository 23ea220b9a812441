"""One packet's full tree, as Wireshark shows it, through pyshark."""

from __future__ import annotations

import asyncio
import os
import re
import threading
from pathlib import Path
from typing import Any

from analyzer.errors import AnalyzerError, MissingTool, UsageError
from analyzer.report.text import plain
from analyzer.units import PacketId
from analyzer.verifying.asking import DEFAULTS

CONTENTS = frozenset({"json", "xml", "data", "media", "urlencoded-form", "data-text-lines", "mime_multipart", "cbor", "image-gif", "png"})
"""Layers that are the content of a message."""
PAYLOADS = frozenset({"payload", "segment_data", "file_data", "segment", "reassembled_data", "data"})
"""Fields that hold bytes as they are."""
SECRET = re.compile(
    r"(?:authorization|cookie|[a-z-]*token|[a-z-]*secret[a-z-]*|[a-z-]*credential[a-z-]*|x-amz-[a-z-]*key[a-z-]*|x-amz-signature)"
    r"(?<!token-ttl-seconds)\s*[:=]",
    re.IGNORECASE,
)


def tree(path: str | os.PathLike[str], number: PacketId, program: str, keys: str | os.PathLike[str] | None = None) -> list[str]:
    """Return the tree of one packet line by line, safe for a terminal.

    Raises UsageError where the capture has no such packet, MissingTool without pyshark, AnalyzerError where tshark gives no answer.
    """
    found: list[Any] = []
    # A loop may be running already (a notebook), hence one of our own in a thread of its own.
    thread = threading.Thread(target=_work, args=(path, number, program, keys, found))
    thread.start()
    thread.join()
    if found and isinstance(found[0], BaseException):
        if isinstance(found[0], ImportError):
            raise MissingTool("pyshark is not installed", hint="pip install pyshark")
        raise AnalyzerError(f"tshark gives no answer about packet {number} ({type(found[0]).__name__})")
    if not found:
        raise UsageError(f"the capture has no packet {number}", hint="packets are numbered from 1, as in Wireshark")
    return [plain(line) for line in found]


def _work(path: str | os.PathLike[str], number: PacketId, program: str, keys: str | os.PathLike[str] | None, found: list[Any]) -> None:
    try:
        import pyshark
    except ImportError as error:
        found.append(error)
        return
    preferences = dict(text.split(":", 1) for text in DEFAULTS)
    if keys is not None:
        preferences["tls.keylog_file"] = str(Path(keys).absolute())
    loop = asyncio.new_event_loop()
    try:
        capture = pyshark.FileCapture(
            os.fspath(path), keep_packets=False, eventloop=loop, display_filter=f"frame.number == {number}",
            override_prefs=preferences, tshark_path=program,
        )  # fmt: skip
        try:
            for packet in capture:
                found.extend(_lines(packet))
                break
        finally:
            capture.close()
    except Exception as error:  # whatever pyshark raises when tshark ends early
        if not found:
            found.append(error)
    finally:
        loop.close()


def _lines(packet: Any) -> list[str]:
    """Return the layers of a packet with their fields, the frame's own facts first; secrets and contents by their name only."""
    lines = []
    for layer in (packet.frame_info, *packet.layers):
        lines.append(f"{layer.layer_name.upper()}")
        if layer.layer_name.lower() in CONTENTS:
            lines.append("    (content is not shown)")
            continue
        seen = set()
        for name in layer.field_names:
            if name in PAYLOADS:
                continue
            for one in layer.get_field(name).all_fields:
                text = masked(one.showname or f"{name}: {one.show}")
                if not one.hide and text not in seen:
                    seen.add(text)
                    lines.append(f"    {text}")
    return lines


def masked(text: str) -> str:
    """Return a line without the value of a field that holds a secret."""
    found = SECRET.search(text)
    return text[: found.end()] + " *" if found is not None else text
