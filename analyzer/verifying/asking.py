"""Asks tshark about a capture: one row a packet, as text fields."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from analyzer.errors import AnalyzerError, MissingTool
from analyzer.units import SECOND, ConnectionId, DurationNs, PacketId, TimeNs

FLAGS = {
    "retransmissions": "retransmission", "fast_retransmissions": "fast_retransmission",
    "spurious_retransmissions": "spurious_retransmission", "out_of_order": "out_of_order", "duplicate_acks": "duplicate_ack",
    "keep_alives": "keep_alive", "zero_windows": "zero_window", "lost_segments": "lost_segment",
}  # fmt: skip
"""Columns of `connections` and the `tcp.analysis` field that each counts."""
_FIELDS = (
    "frame.number", "frame.time_epoch", "frame.protocols", "tcp.stream", "tcp.completeness", "tcp.analysis.initial_rtt",
    "http.request.method", "http.response.code", "http.time", "http.request_in", "tls.handshake.type",
    "tls.handshake.extensions_server_name", "tcp.flags.fin", *(f"tcp.analysis.{name}" for name in FLAGS.values()),
)  # fmt: skip
_MANY = "\x1f"
DEFAULTS = ("tcp.relative_sequence_numbers:TRUE", "tcp.analyze_sequence_numbers:TRUE", "tcp.desegment_tcp_streams:TRUE")
"""Preferences that the comparison rests on, whatever the user's own profile says."""
IN_ORDER = "tcp.reassemble_out_of_order:TRUE"
"""Off by default: a swapped segment then spoils the message that it belongs to."""


class Row(NamedTuple):
    """What tshark says of one packet."""

    number: PacketId
    time: TimeNs
    protocols: str
    stream: ConnectionId | None
    """That of the innermost TCP header of its own, none of a packet that an ICMP error quotes."""
    completeness: int | None
    initial_rtt: DurationNs | None
    requests: tuple[str, ...]
    responses: tuple[str, ...]
    http_times: tuple[DurationNs, ...]
    requests_in: tuple[PacketId, ...]
    hello: bool
    server_name: str | None
    closing: bool
    """Whether it carries a FIN."""
    flags: frozenset[str]
    """Columns of `connections` that count it."""


def tshark() -> str:
    """Return the path of tshark. Raises MissingTool where there is none."""
    path = shutil.which("tshark")
    if path is None:
        hint = "install Wireshark's command line: apt install tshark, dnf install wireshark-cli, brew install wireshark"
        raise MissingTool("tshark was not found; verify asks it about the same capture", hint=hint)
    return path


def version(program: str) -> str:
    """Return tshark's version, empty where it does not say."""
    done = subprocess.run([program, "--version"], capture_output=True, text=True, errors="replace", check=False)
    words = done.stdout.partition("\n")[0].split()
    return next((word for word in words if word[:1].isdigit()), "")


def ask(
    program: str, path: str | os.PathLike[str], key_logs: Sequence[str | os.PathLike[str]] = (), preferences: Sequence[str] = ()
) -> Iterator[Row]:
    """Yield a row for each packet, as tshark's second pass sees it. Raises AnalyzerError where tshark gives no answer at all."""
    command = [program, "-n", "-2", "-r", os.fspath(Path(path).absolute()), "-T", "fields", "-E", "separator=/t", "-E", "occurrence=a"]
    command += ["-E", f"aggregator={_MANY}", *(f"-o{text}" for text in (*DEFAULTS, *preferences))]
    command += [f"-otls.keylog_file:{Path(log).absolute()}" for log in key_logs]
    command += [part for name in _FIELDS for part in ("-e", name)]
    seen = False
    with tempfile.TemporaryFile() as errors, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                fields = line.rstrip(b"\r\n").decode("utf-8", "replace").split("\t")
                if len(fields) == len(_FIELDS):
                    seen = True
                    yield _row(fields)
        finally:
            process.stdout.close()
            process.wait()
        if not seen and process.returncode:
            errors.seek(0)
            said = [line for line in errors.read(4096).decode("utf-8", "replace").splitlines() if "as user" not in line]
            raise AnalyzerError(f"tshark gives no answer: {said[-1] if said else f'exit status {process.returncode}'}")


def _row(fields: list[str]) -> Row:
    number, time, protocols, stream, shape, rtt, method, code, took, asked, shake, name, closing, *flags = fields
    own = protocols.partition(":icmp")[0]
    has_own = ":tcp" in own
    streams = _split(stream)
    # Segments quoted by ICMP errors come last; of tunnels the innermost counts.
    at = min(own.count(":tcp"), len(streams)) - 1
    return Row(
        int(number),
        nanoseconds(time),
        protocols,
        int(streams[at]) if has_own and streams else None,
        _integer(shape),
        nanoseconds(_split(rtt)[-1]) if rtt else None,
        _split(method) if has_own else (),
        _split(code) if has_own else (),
        tuple(map(nanoseconds, _split(took))),
        tuple(int(text) for text in _split(asked)),
        has_own and "1" in _split(shake),
        _split(name)[0] if name else None,
        has_own and _split(closing)[-1:] in (("1",), ("True",)),
        frozenset(column for column, value in zip(FLAGS, flags, strict=True) if value and has_own),
    )


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.split(_MANY)) if text else ()


def _integer(text: str) -> int | None:
    last = text.rpartition(_MANY)[2]
    return int(last, 0) if last else None


def nanoseconds(text: str) -> int:
    """Read decimal seconds with integers: a double cannot hold them."""
    sign, text = (-1, text[1:]) if text.startswith("-") else (1, text)
    whole, _, fraction = text.partition(".")
    return sign * (int(whole or 0) * SECOND + int(fraction[:9].ljust(9, "0") or 0))
