"""What holds for any TLS connection: where segments are cut changes nothing, and no bytes make it raise."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from analyzer.model.rows import Anomaly, Handshake
from analyzer.model.seams import End
from tests.http.speech import answer, ask
from tests.tls.talk import CCS, DATA, FINISHED, HANDSHAKE, Sealed, Talk, client_hello, record, server_hello

Turn = tuple[str, bytes]


def unread() -> list[Turn]:
    """A conversation that nobody can read."""
    hello = client_hello(protocols=(b"h2", b"http/1.1"))
    return [
        ("asks", record(HANDSHAKE, hello[:70], 0x0301) + record(HANDSHAKE, hello[70:], 0x0301)),
        ("tells", record(HANDSHAKE, server_hello()) + record(CCS, b"\1") + record(DATA, 900) + record(DATA, FINISHED)),
        ("asks", record(CCS, b"\1") + record(DATA, FINISHED) + record(DATA, 600) + record(DATA, 80)),
        ("tells", record(DATA, 250) + record(DATA, 250) + record(DATA, 400) + record(DATA, 1700)),
        ("asks", record(DATA, 610)),
        ("tells", record(DATA, 300) + record(DATA, 19)),
        ("asks", record(DATA, 620)),
        ("tells", record(DATA, 500)),
    ]


def read() -> list[Turn]:
    """The same with keys."""
    sealed = Sealed()
    turns: list[Turn] = []

    class Script(Talk):
        """Keeps what is said."""

        def asks(self, ms: float, *records: bytes) -> Talk:
            turns.append(("asks", b"".join(records)))
            return self

        def tells(self, ms: float, *records: bytes) -> Talk:
            turns.append(("tells", b"".join(records)))
            return self

    script = Script()
    sealed.shake(script)
    for number in range(3):
        turns.append(("asks", sealed.up(ask(target=f"/{number}")[:20]) + sealed.up(ask(target=f"/{number}")[20:])))
        turns.append(("tells", sealed.down(b"\4\0\0\0", HANDSHAKE) + sealed.down(answer(body=b"x" * 900))))
    return turns


def heard(turns: list[Turn], cuts: list[int], keys: str = "") -> tuple[list[tuple[object, ...]], list[Handshake], object, list[Anomaly]]:
    """Say the turns, each cut into segments of the given sizes in turn; times tell only the turn."""
    talk = Talk(keys)
    at = 0
    for number, (who, data) in enumerate(turns):
        start = 0
        while start < len(data):
            size = cuts[at % len(cuts)] if cuts else len(data)
            at += 1
            getattr(talk, who)(number * 100, data[start : start + size])
            start += size
    rows = talk.close(End.FIN)
    exchanges: list[tuple[object, ...]] = [
        (
            row.evidence, row.index, row.request_offset, row.request_end_offset, row.request_bytes, row.response_offset,
            row.response_end_offset, row.response_bytes, row.response_complete,
            *(mark and mark[0] for mark in (row.request_start, row.request_end, row.response_start, row.response_end)),
        )
        for row in rows
    ]  # fmt: skip
    shakes = [row._replace(first_packet_id=0, last_packet_id=0) for row in talk.handshakes]
    return exchanges, shakes, talk.opener.opaque, talk.anomalies


UNREAD, READ = unread(), read()


def test_the_scripts_are_heard() -> None:
    exchanges, shakes, _, _ = heard(UNREAD, [])
    assert (len(exchanges), len(shakes)) == (3, 1)
    exchanges, _, opaque, _ = heard(READ, [], Sealed.log())
    assert [row[0] for row in exchanges] == ["decrypted"] * 3
    assert opaque == {}


@given(st.lists(st.integers(1, 300), min_size=1, max_size=40))
def test_where_segments_are_cut_changes_nothing(cuts: list[int]) -> None:
    assert heard(UNREAD, cuts) == heard(UNREAD, [])


@given(st.lists(st.integers(1, 300), min_size=1, max_size=40))
def test_nor_with_keys(cuts: list[int]) -> None:
    assert heard(READ, cuts, Sealed.log()) == heard(READ, [], Sealed.log())


def test_byte_by_byte() -> None:
    assert heard(UNREAD, [1]) == heard(UNREAD, [])
    assert heard(READ, [1], Sealed.log()) == heard(READ, [], Sealed.log())


PIECE = st.one_of(
    st.binary(max_size=60),
    st.builds(record, st.integers(19, 25), st.binary(max_size=80), st.sampled_from([0x0300, 0x0301, 0x0303, 0x0304, 0x0505])),
    st.just(record(HANDSHAKE, client_hello(early=True))),
    st.just(record(HANDSHAKE, server_hello())),
    st.just(record(HANDSHAKE, server_hello(retry=True))),
    st.just(record(HANDSHAKE, server_hello(0xC02F, version=0x0303))),
    st.just(record(DATA, FINISHED)),
)


@given(
    st.lists(st.tuples(st.sampled_from(["asks", "tells", "lose client", "lose server"]), PIECE, st.booleans()), max_size=30),
    st.booleans(),
    st.sampled_from(list(End)),
    st.sampled_from(["", Sealed.log(), f"CLIENT_RANDOM {'63' * 32} {'00' * 48}\n"]),
)
def test_no_bytes_raise(said: list[tuple[str, bytes, bool]], whole: bool, how: End, keys: str) -> None:
    talk = Talk(keys, whole_start=whole)
    for number, (who, piece, cut) in enumerate(said):
        if who.startswith("lose"):
            talk.lose(who[5:], len(piece) + 1)
        elif piece:
            getattr(talk, who)(number, piece[: len(piece) // 2 + 1] if cut else piece)
    for row in talk.close(how):
        assert row.request_bytes >= 0
        assert row.response_bytes >= 0
    assert len(talk.handshakes) <= 1


@given(st.binary(max_size=400), st.integers(0, 300), st.integers(0, 255))
def test_no_hello_raises(tail: bytes, at: int, value: int) -> None:
    hello = bytearray(client_hello(protocols=(b"h2",)) + tail)
    hello[4 + at % (len(hello) - 4)] = value
    answer_ = bytearray(server_hello() + tail)
    answer_[4 + at % (len(answer_) - 4)] = value
    talk = Talk().asks(0, record(HANDSHAKE, bytes(hello))).tells(1, record(HANDSHAKE, bytes(answer_)))
    talk.close()


def test_long_messages_cost_no_more_than_their_bytes() -> None:
    """A message of 16 MB is announced and comes in small records: nothing of it is kept."""
    talk = Talk().asks(0, record(HANDSHAKE, b"\x0b\xff\xff\xff"))
    for _ in range(200):
        talk.asks(1, record(HANDSHAKE, 16_000))
    assert (talk.close(), talk.handshakes) == ([], [])
