"""Which files are one capture: ring buffers and rotated captures, as dumpcap and tcpdump name them, per host and interface.

Only the part of a name that the program counted or dated is taken off: what is left, with the folder, names the set. Files of a set are
read as one capture, so that a connection that goes on in the next file stays one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from analyzer.batching.inputs import Source

PACKED = re.compile(r"\.(gz|zst|lz4)$", re.IGNORECASE)
ENDING = r"\.(?:pcap|pcapng|cap|dump|dmp)"
_DATE = r"\d{4}-?\d{2}-?\d{2}"
_TIME = r"\d{2}[-:.]?\d{2}(?:[-:.]?\d{2})?"
PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?P<stem>.+)_(?P<second>\d{{5,}})_(?P<first>\d{{14}})(?P<ending>{ENDING})",  # dumpcap -b: name_00001_20261122101500.pcapng
        rf"(?P<stem>.+)_(?P<first>\d{{14}})_(?P<second>\d{{5,}})(?P<ending>{ENDING})",  # dumpcap -b nametimenum:2
        rf"(?P<stem>.+?)[-_.](?P<first>{_DATE}(?:[-_T.]?{_TIME})?Z?)(?P<ending>{ENDING})(?P<second>\d*)",  # tcpdump -G, with -C too
        rf"(?P<stem>.+?)[-_.](?P<first>\d{{10}})(?P<ending>{ENDING})(?P<second>\d*)",  # seconds since the epoch
        rf"(?P<stem>.+)(?P<ending>{ENDING})(?P<first>)(?P<second>\d+)",  # tcpdump -C and -W: name.pcap, name.pcap1, name.pcap2
    )
)
INTERFACE = re.compile(r"[-_.](?:eth|ens|eno|enp|enx|wlan|lo|any|bond|br|cni|docker|veth|tun|wg|en|utun)\d*[a-z0-9]*$")
"""The interface at the end of a set's name: what stands before it is the host's."""


class CaptureSet(NamedTuple):
    """Files that are read as one capture."""

    name: str
    """Unique in its batch; the same whenever the same inputs are given."""
    host: str
    """Who captured, as far as names tell."""
    sources: tuple[Source, ...]
    """In the order in which they were written."""


def rotation(name: str) -> tuple[str, tuple[str, int]] | None:
    """Return what the files of a rotated capture have in common, and the place of this one; None where a name tells of no rotation."""
    plain = PACKED.sub("", name)
    for pattern in PATTERNS:
        match = pattern.fullmatch(plain)
        if match:
            first, second = match["first"] or "", match["second"] or "0"
            return match["stem"] + match["ending"].lower(), (re.sub(r"\D", "", first), int(second[:18]))
    return None


def sets(sources: Sequence[Source]) -> list[CaptureSet]:
    """Return captures as sets, in order of their names."""
    paths = [PurePosixPath(source.address.replace("\\", "/")) for source in sources]
    folders = {str(path.parent) for path in paths}
    groups: dict[tuple[str, str], list[tuple[tuple[str, int], Source]]] = {}
    for path, source in zip(paths, sources, strict=True):
        found = rotation(path.name)
        stem, place = found if found is not None else (PACKED.sub("", path.name), ("", 0))
        groups.setdefault((str(path.parent), stem), []).append((place, source))
    shared = _shared(folders)
    out = []
    for (folder, stem), members in sorted(groups.items()):
        below = folder[len(shared) :].strip("/")
        name = f"{below}/{stem}" if below else stem
        # A capture and its compressed copy have one name: the plain one, which comes first, is read.
        once = dict(sorted(members, reverse=True))
        out.append(CaptureSet(name, _host(below, stem), tuple(source for _, source in sorted(once.items()))))
    return out


def _shared(folders: Iterable[str]) -> str:
    """Return the folder above all."""
    parts = [folder.split("/") for folder in folders]
    common = []
    for names in zip(*parts, strict=False):
        if len(set(names)) > 1:
            break
        common.append(names[0])
    return "/".join(common)


def _host(below: str, stem: str) -> str:
    """Name the host: the first folder below the one above all, else the file's name without ending and interface."""
    if below:
        return below.split("/")[0]
    bare = re.sub(ENDING + "$", "", stem, flags=re.IGNORECASE)
    return INTERFACE.sub("", bare) or bare
