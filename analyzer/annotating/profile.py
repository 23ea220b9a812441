"""A Wireshark profile to read an annotated capture with: columns, colouring rules, and a filter button for each finding.

A profile is a folder of small text files (Wireshark User's Guide, appendix "Files and Folders"): `preferences` in the syntax of
epan/prefs.c, `colorfilters` (epan/color_filters.c: `@name@filter@[background][foreground]`, 16 bits a colour), `dfilter_buttons`, a table
of quoted fields (epan/uat.c).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from analyzer.files import make_folder, whole_file
from analyzer.model.analysis import Analysis
from analyzer.report.text import plain

COLUMNS = (
    ("No.", "%m"),
    ("Time", "%t"),
    ("Stream", "%Cus:tcp.stream:0:R"),
    ("Source", "%s"),
    ("Destination", "%d"),
    ("Protocol", "%p"),
    ("Since last of stream", "%Cus:tcp.time_delta:0:R"),
    ("ACK round trip", "%Cus:tcp.analysis.ack_rtt:0:R"),
    ("HTTP time", "%Cus:http.time:0:R"),
    ("Length", "%L"),
    ("Info", "%i"),
    ("Analyzer", "%Cus:frame.comment:0:R"),
)  # fmt: skip
COLOURS = (
    ("analyzer: finding", 'frame.comment contains "finding "', (0xFFFF, 0xD9D9, 0xB3B3), (0, 0, 0)),
    ("analyzer: call begins", 'frame.comment matches "call \\\\d+ .* begins"', (0xD9D9, 0xEAEA, 0xFFFF), (0, 0, 0)),
    ("analyzer: anomaly", 'frame.comment contains "anomaly "', (0xFFFF, 0xCCCC, 0xCCCC), (0, 0, 0)),
    ("repeated", "tcp.analysis.retransmission || tcp.analysis.out_of_order", (0x1212, 0x2727, 0x2E2E), (0xF7F7, 0x8787, 0x8787)),
    ("reset", "tcp.flags.reset == 1", (0xA4A4, 0, 0), (0xFFFF, 0xFCFC, 0x9C9C)),
    ("zero window", "tcp.analysis.zero_window", (0x1212, 0x2727, 0x2E2E), (0xFFFF, 0xFFFF, 0x9C9C)),
    ("opens or closes", "tcp.flags.syn == 1 || tcp.flags.fin == 1", (0xA0A0, 0xA0A0, 0xA0A0), (0x1212, 0x2727, 0x2E2E)),
    ("credential endpoint", "ip.addr == 169.254.0.0/16 || ipv6.addr == fd00:ec2::/32", (0xFFFF, 0xF2F2, 0xCCCC), (0, 0, 0)),
    ("HTTP", "http", (0xE4E4, 0xFFFF, 0xC7C7), (0x1212, 0x2727, 0x2E2E)),
    ("TLS", "tls", (0xE7E7, 0xE6E6, 0xFFFF), (0x1212, 0x2727, 0x2E2E)),
    ("DNS", "dns", (0xDADA, 0xEEEE, 0xFFFF), (0x1212, 0x2727, 0x2E2E)),
)
LONGEST_FILTER = 4000
"""Characters of a button's filter."""


def write_profile(folder: Path, analysis: Analysis) -> list[Path]:
    """Write a profile for the findings of an answer into a folder and return its files. Raises AnalyzerError where that cannot be done.

    Wireshark finds it when the folder lies, or is linked, among its profiles (Help, About, Folders: personal configuration, `profiles`).
    """
    files = {
        "preferences": _preferences(),
        "colorfilters": "".join(_colours()),
        "dfilter_buttons": "".join(_buttons(analysis)),
    }
    make_folder(folder, parents=True)
    for name, text in files.items():
        with whole_file(folder / name) as out:
            out.write(text.encode())
    return [folder / name for name in files]


def _preferences() -> str:
    columns = ",\n\t".join(f'"{title}", "{field}"' for title, field in COLUMNS)
    return (
        "# Columns: where a call's time goes.\n"
        f"gui.column.format: \n\t{columns}\n"
        "# Reassembly as analyzer does it.\n"
        "tcp.reassemble_out_of_order: TRUE\n"
        "tcp.calculate_timestamps: TRUE\n"
        "tcp.analyze_sequence_numbers: TRUE\n"
    )


def _colours() -> Iterator[str]:
    for name, text, background, foreground in COLOURS:
        yield f"@{name}@{text}@[{','.join(map(str, background))}][{','.join(map(str, foreground))}]\n"


def _buttons(analysis: Analysis) -> Iterator[str]:
    yield _button("commented", "frame.comment", "Packets that analyzer says something of")
    yield _button("calls", 'frame.comment contains "call "', "Where calls and their phases begin and end")
    seen: set[tuple[str, str]] = set()
    for row in analysis.findings:
        text = row.display_filter
        if not text or len(text) > LONGEST_FILTER or (row.code, text) in seen:
            continue
        seen.add((row.code, text))
        yield _button(f"findings//{row.code}", text, row.title)


def _button(label: str, text: str, about: str) -> str:
    """Return a line of the table: a label with `//` is an entry of a menu."""
    return ",".join(f'"{_quoted(field)}"' for field in ("TRUE", label, text, about)) + "\n"


def _quoted(text: str) -> str:
    """Write a field of a UAT file: quotes, backslashes and what is not printable as hexadecimal escapes."""
    return "".join(
        char if char.isascii() and char.isprintable() and char not in '"\\' else f"\\x{ord(char) & 0xFF:02x}" for char in plain(text)
    )
