"""What was known of a connection goes when it is over, though nobody looks for cycles during a pass."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from analyzer.http.exchange import Conversation
from analyzer.model.seams import End
from analyzer.tls._records import Record
from analyzer.tls.session import Session
from tests.http.speech import answer, ask
from tests.tls.talk import DATA, Sealed, Talk, record


@pytest.fixture(autouse=True)
def no_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def made(monkeypatch: pytest.MonkeyPatch, kind: type[Any]) -> list[weakref.ref[Any]]:
    """Note each object of a class, without keeping it."""
    seen: list[weakref.ref[Any]] = []
    init = kind.__init__

    def noting(self: Any, *given: Any, **named: Any) -> None:
        init(self, *given, **named)
        seen.append(weakref.ref(self))

    monkeypatch.setattr(kind, "__init__", noting)
    return seen


def over(talk: Talk) -> None:
    """End both directions, and let go of their readers as the connection does."""
    talk.close()
    talk.rows.clear()
    talk.up.sink = talk.down.sink = None


@pytest.mark.parametrize("compares", [False, True])
def test_a_connection_that_was_read_goes_when_both_directions_have_ended(monkeypatch: pytest.MonkeyPatch, *, compares: bool) -> None:
    sessions, conversations = made(monkeypatch, Session), made(monkeypatch, Conversation)
    sealed = Sealed()
    talk = sealed.shake(Talk(Sealed.log(), compares=compares))
    talk.asks(13, sealed.up(ask(body=b"question"))).tells(30, sealed.down(answer(body=b"answer")))
    assert len(sessions) == 1 + compares
    assert len(conversations) == 1
    assert all(one() is not None for one in sessions + conversations)
    over(talk)
    assert [one() for one in sessions + conversations] == [None] * (2 + compares)


def test_a_connection_that_was_inferred_goes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = made(monkeypatch, Session)
    talk = Talk().shaken()
    talk.asks(30, record(DATA, 200)).tells(45, record(DATA, 300))
    assert sessions[0]() is not None
    over(talk)
    assert sessions[0]() is None


def test_nothing_is_asked_of_a_session_after_its_end() -> None:
    """A peer that answers with another initial number begins anew, and what ended may end again."""
    talk = Talk().shaken()
    talk.asks(30, record(DATA, 200)).tells(45, record(DATA, 300))
    readers = talk.up.sink, talk.down.sink
    assert len(talk.close()) == 1
    for reader in readers:
        assert reader is not None
        reader.feed(record(DATA, 40), 0, 45, 10_000)
        reader.gap(10_045, 9)
        reader.end(10_054, End.RST)
    assert len(talk.rows) == 1


def test_a_record_without_its_bytes_keeps_its_times_and_its_size() -> None:
    whole = Record(DATA, 100, 145, (1, 2), (3, 4), b"\x17\3\3\0\x28", bytes(40))
    bare = whole.bare()
    assert (bare.header, bare.body) == (b"", None)
    assert (bare.kind, bare.start, bare.end, bare.size, bare.began, bare.done) == (DATA, 100, 145, 40, (1, 2), (3, 4))
