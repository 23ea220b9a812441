"""Writes the redacted capture: a pass over its connections plans what stands in place of their bytes, a second one writes."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field

from analyzer import capture, dns, packets, tcp
from analyzer.capture import writer
from analyzer.capture.output import checked_target
from analyzer.files import whole_file
from analyzer.model.capture import CaptureInfo
from analyzer.redacting.disguise import Disguise
from analyzer.redacting.fragments import fragments
from analyzer.redacting.openers import DnsDisguiser, HttpDisguiser, Newcomer, Readers, TlsDisguiser
from analyzer.redacting.packets import Packets
from analyzer.redacting.plans import Plans

NAME = re.compile(
    r"(?:lo|any|eth|en|ens|eno|wlan|wlp|wl|bond|br|docker|veth|tun|tap|utun|ppp|awdl|llw|ap|bridge|cni|flannel\.|cilium_|eni|if|wg|anpi|gif|stf|dummy)"
    r"\d{0,3}|enp\d{1,3}s\d{1,3}(?:f\d{1,2})?|wlp\d{1,3}s\d{1,3}"
)
"""Names of interfaces that an operating system gives."""


@dataclass(slots=True)
class Redacted:
    """What was written, and what is doubtful about it."""

    packets: int = 0
    secrets: int = 0
    """Blocks of TLS secrets that were left out."""
    unread: dict[str, int] = field(default_factory=dict)
    """What was not understood and became zeros, with how many packets of each kind."""
    links: frozenset[int] = frozenset()
    """Link types whose headers were kept without knowing what they name."""


def redact(source: str | os.PathLike[str], target: str | os.PathLike[str], disguise: Disguise | None = None) -> tuple[Redacted, Disguise]:
    """Write to the pcapng `target` what `source` holds without its secrets; return what was done and the disguise.

    Of a packet only what is understood is written; times, lengths, order and numbers stay, and so does TLS, with the names that it says
    in the clear disguised. Text of other blocks (comments, names, secrets) is left out. Captures with one disguise go together.
    Raises CaptureError or UnknownFormat where `source` cannot be read, UsageError, AnalyzerError where `target` cannot be written.
    """
    checked_target(source, target)
    disguise = disguise or Disguise(secrets.token_bytes(32))
    plans = Plans()
    _follow(source, Readers(disguise, plans))
    done, writing, held = _write(source, target, Packets(disguise, plans, {}))
    if writing.has_fragments:
        # Pieces of a datagram come before it is known: those of whole ones are written in a further pass.
        done, writing, held = _write(source, target, Packets(disguise, plans, fragments(source, Packets(disguise, plans, {}))))
    done.unread = dict(writing.unread.most_common())
    done.links = frozenset(writing.links.unknown)
    done.secrets = held
    return done, disguise


def _write(source: str | os.PathLike[str], target: str | os.PathLike[str], writing: Packets) -> tuple[Redacted, Packets, int]:
    """Write the packets; also return how many blocks of secrets there were."""
    done = Redacted()
    with whole_file(target) as file:
        opened = capture.open_captures([source])
        for raw in _blocks(opened, opened.info, writing, done):
            file.write(raw)
    return done, writing, len(opened.info.secrets)


def _follow(source: str | os.PathLike[str], readers: Readers) -> None:
    """Read every connection, so that all of it is planned."""
    engine = tcp.Engine(
        packets.LAYOUTS,
        packets.Decoder().decode,
        (Newcomer(readers), HttpDisguiser(readers), TlsDisguiser(readers), DnsDisguiser(readers)),
        _nothing,
        datagram=_ignored,
        datagram_ports=packets.TUNNEL_PORTS | {dns.PORT},
        opened=readers.begin,
    )
    for block in capture.open_captures([source]).blocks():
        engine.feed(block)
    engine.finish()
    for flow in engine.flows:
        readers.begin(flow)


def _blocks(opened: capture.Capture, info: CaptureInfo, writing: Packets, done: Redacted) -> Iterator[bytes]:
    yield writer.section("", writing.keep("analyzer redact"))
    described = 0
    frame = 0
    for block in opened.blocks():
        while described < len(info.interfaces):
            yield _interface(info, described)
            described += 1
        for index, (size, wire, time) in enumerate(zip(block.lengths, block.wire_lengths, block.times, strict=True)):
            frame += 1
            while frame < block.first_frame + index:  # a block that is no packet and has a number
                yield writer.placeholder()
                frame += 1
            made = writing.packet(block, index)
            assert len(made) == size
            done.packets += 1
            yield writer.enhanced(block.interface, time, made, wire)
    while described < len(info.interfaces):
        yield _interface(info, described)
        described += 1
    for _ in range(frame, info.packets):
        yield writer.placeholder()
    for one in info.interfaces:
        if one.received is not None or one.dropped is not None:
            yield writer.statistics(one.number, info.last_ns or 0, one.received, one.dropped)


def _interface(info: CaptureInfo, number: int) -> bytes:
    found = info.interfaces[number]
    # Names that systems give count or say a place on a bus; others may be a machine's, a customer's, or hold an address (enx001122334455).
    name = found.name if found.name is None or NAME.fullmatch(found.name) else f"if{number}"
    return writer.interface(found.link_type, name, snaplen=found.snaplen)


def _nothing(row: object) -> None:
    """Leave anomalies to the analysis."""


def _ignored(datagram: object, time: int, packet_id: int) -> None:
    """Leave datagrams to the second pass, which needs no order."""
