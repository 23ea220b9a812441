"""Packets that cannot be read become anomalies, each with its packet; a link type that nobody knows is said once."""

from __future__ import annotations

import pytest

from analyzer.model.seams import Block
from analyzer.tcp.options import timestamp
from tests.packets.frames import ETHER4, block
from tests.tcp.script import play

VALUES = bytes(range(8))
STAMP = b"\x08\x0a" + VALUES


def test_a_packet_that_cannot_be_read_is_an_anomaly() -> None:
    cut, whole = ETHER4[:30], ETHER4
    played = play([block(whole, cut, whole, cut)])
    assert [(row.code, row.packet_id) for row in played.anomalies] == [("malformed-header", 2), ("malformed-header", 4)]
    assert played.one.packets_sent == 2


def test_an_unknown_link_type_is_said_once() -> None:
    def unknown(link_type: int, first: int) -> Block:
        return block(b"x" * 60, b"y" * 60, link_type=link_type)._replace(first_packet_id=first)

    played = play([unknown(9999, 1), unknown(9998, 3), unknown(9999, 5)])
    assert [(row.code, row.packet_id) for row in played.anomalies] == [("unknown-link-type", 1), ("unknown-link-type", 3)]


@pytest.mark.parametrize(
    "options, values",
    [
        (STAMP, VALUES),
        (b"\x01\x01" + STAMP, VALUES),
        (b"\x02\x04\x05\xb4" + STAMP + b"\x01\x01", VALUES),
        (b"\x03\x03\x07" + STAMP + b"\x00", VALUES),
        (b"\x00" + STAMP, None),
        (b"\x02\x00" + STAMP, None),
        (b"\x02\x01" + STAMP, None),
        (b"\x02\x04\x05\xb4\x08", None),
        (b"\x08\x08" + VALUES, None),
        (b"", None),
    ],
)
def test_the_timestamp_is_found_among_other_options(options: bytes, values: bytes | None) -> None:
    assert timestamp(options) == values
