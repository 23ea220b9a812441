"""TLS through a proxy: CONNECT, then a handshake and exchanges on the same connection."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import cast

from analyzer.http import HttpOpener, Wishes
from analyzer.model.http import Windows
from analyzer.model.seams import End, Link
from analyzer.pipeline import read
from tests.http.speech import answer, ask
from tests.tls.talk import DATA, NAME, Sealed, Talk, record, times

CONNECT = f"CONNECT {NAME}:443 HTTP/1.1\r\nHost: {NAME}:443\r\n\r\n".encode()
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


def proxied(keys: str = "") -> Talk:
    """A connection whose first bytes are HTTP."""
    talk = Talk(keys)
    wishes = Wishes(frozenset({b"host"}), frozenset(), frozenset(), lambda *_: 0, lambda *_: Windows(0, 0))
    opener = HttpOpener(wishes, talk.rows.append, count(100).__next__, talk.opener.tunnel)
    talk.up.sink, talk.down.sink = opener.open(cast("Link", talk), talk.up, talk.down)
    return talk.asks(0, CONNECT).tells(5, ESTABLISHED)


def test_what_is_said_through_a_tunnel_is_inferred() -> None:
    talk = proxied().shaken(6).asks(20, record(DATA, 600)).tells(40, record(DATA, 400))
    rows = talk.close()
    assert [(row.evidence, times(row)) for row in rows] == [("measured", (0, 0, 5, 5)), ("inferred", (20, 20, 40, 40))]
    (shaken,) = talk.handshakes
    assert (shaken.server_name, shaken.duration_ns) == (NAME, 12_000_000)


def test_with_keys_it_is_read() -> None:
    sealed = Sealed()
    talk = proxied(Sealed.log())
    packet, talk.packet = talk.packet, 0
    sealed.shake(talk)
    talk.packet += packet
    talk.asks(20, sealed.up(ask())).tells(40, sealed.down(answer(body=b"fine")))
    assert [row.evidence for row in talk.close()] == ["measured", "decrypted"]


def test_what_is_no_tls_is_left_alone() -> None:
    talk = proxied().asks(10, b"SSH-2.0-client\r\n").tells(20, b"SSH-2.0-server\r\n").lose("client", 40).asks(30, bytes(500))
    assert [times(row) for row in talk.close(End.RST)] == [(0, 0, 5, 5)]
    assert (talk.handshakes, talk.anomalies) == ([], [])


def test_a_real_proxy(shared: Path) -> None:
    analysis = read(shared / "public" / "pcapdroid__http_proxy.pcap", keys="/dev/null")
    assert [row.server_name for row in analysis.handshakes] == ["weberblog.net"]
    first, *others = analysis.exchanges
    assert (first.method, first.evidence) == ("CONNECT", "measured")
    assert {row.evidence for row in others} == {"inferred"}
