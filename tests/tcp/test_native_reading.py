"""The loop reads the same fields as compiled code does and as plain Python does: the same packets leave it, and the rows are equal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from analyzer.capture import _records
from analyzer.packets import LAYOUTS, Decoder
from analyzer.reading import read
from analyzer.tcp import _loop
from tests.packets.frames import TO_KEY4, TO_KEY6, block, ip4, ip6, tcp, udp
from tests.packets.test_layouts import LINKS4, LINKS6

IP4: Callable[[bytes, int], bytes] = ip4
IP6: Callable[[bytes, int], bytes] = ip6
LINKS = [*((number, link, IP4) for number, link in LINKS4.items()), *((number, link, IP6) for number, link in LINKS6.items())]


def followed(link_type: int, frames: list[bytes], monkeypatch: pytest.MonkeyPatch, *, native: bool) -> tuple[list[int], Any]:
    """Return which of the packets were decoded in full, and what the connections came to."""
    monkeypatch.setattr(_loop, "NATIVE", native)
    decoded: list[int] = []
    decoder = Decoder()

    def decode(held: Any, index: int) -> Any:
        decoded.append(index)
        return decoder.decode(held, index)

    engine = _loop.Engine(LAYOUTS, decode, (), lambda row: None, datagram=lambda *_: None, datagram_ports=frozenset({53}))
    engine.feed(block(*frames, link_type=link_type))
    engine.finish()
    halves = [half for flow in engine.flows for half in flow.halves]
    return decoded, [(half.next_seq, half.last_ack, half.window, half.packets, half.last_id, half.dup_acks) for half in halves]


@pytest.mark.parametrize("link_type, link, ip", LINKS)
def test_usual_packets_stay_in_the_loop(link_type: int, link: Any, ip: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [link(ip(tcp(b"x" * 9, seq=0x01020304 + 9 * number, flags=0x10), 6)) for number in range(6)]
    frames += [link(ip(udp(b"question" * 4, target=port), 17)) for port in (53, 54)]
    plain = followed(link_type, frames, monkeypatch, native=False)
    assert followed(link_type, frames, monkeypatch, native=True) == plain
    assert plain[0] == [0, 6], "the first segment, which opens the connection, and the datagram to a port that is heard"
    assert plain[1][0][:1] == (0x01020304 + 54,)


@pytest.mark.parametrize("link_type", sorted(LAYOUTS))
def test_every_other_packet_leaves_it(link_type: int, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [frame for catalogue in (TO_KEY4, TO_KEY6) for link, frame in catalogue.values() if link == link_type]
    plain = followed(link_type, frames, monkeypatch, native=False)
    assert followed(link_type, frames, monkeypatch, native=True) == plain


def test_bundled_captures_give_the_same_tables(bundled: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in sorted(bundled.glob("*.pcap*")):
        answers = []
        for native in (False, True):
            monkeypatch.setattr(_loop, "NATIVE", native)
            monkeypatch.setattr(_records, "NATIVE", native)
            answer = read([path])
            answers.append([list(table) for table in (answer.connections, answer.exchanges, answer.calls, answer.spans, answer.anomalies)])
        assert answers[0] == answers[1], path.name
