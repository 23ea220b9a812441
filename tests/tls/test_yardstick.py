"""Measuring inference where there are keys: what it gets right, what it misses, what it invents, and how far its times are off."""

from __future__ import annotations

from pathlib import Path

import pytest

import analyzer
from analyzer.model.capture import Inference, Off
from analyzer.tls.yardstick import Yardstick
from tests.http.speech import answer, ask
from tests.tls.talk import HANDSHAKE, MS, Sealed, Talk, message, times

QUESTION, ANSWER = ask(body=b"question"), answer(body=b"answer" * 100)
EXACT = Off(0, 0, 0)


def test_both_answers_agree_on_a_plain_connection() -> None:
    sealed = Sealed()
    talk = sealed.shake(Talk(Sealed.log(), compares=True))
    talk.asks(13, sealed.up(QUESTION)).tells(23, sealed.down(message(4, bytes(200)), HANDSHAKE)).tells(30, sealed.down(ANSWER))
    talk.asks(40, sealed.up(QUESTION)).tells(60, sealed.down(ANSWER))
    rows = talk.close()
    assert [row.evidence for row in rows] == ["decrypted"] * 2
    assert talk.opener.yardstick.result() == Inference(1, 2, 0, 0, EXACT, EXACT, EXACT)


def test_an_end_that_looks_like_an_alert_is_an_error_that_shows() -> None:
    """The last two bytes of an answer come late, in a record of their own: unread, that is close_notify."""
    sealed = Sealed()
    talk = sealed.shake(Talk(Sealed.log(), compares=True))
    talk.asks(13, sealed.up(QUESTION)).tells(30, sealed.down(ANSWER[:-2])).tells(60, sealed.down(ANSWER[-2:]))
    assert [times(row) for row in talk.close()] == [(13, 13, 30, 60)]
    assert talk.opener.yardstick.result() == Inference(1, 1, 0, 0, EXACT, EXACT, Off(30 * MS, 30 * MS, 30 * MS))


def test_pipelined_requests_are_missed_and_what_only_looks_like_one_is_extra() -> None:
    sealed = Sealed()
    talk = sealed.shake(Talk(Sealed.log(), compares=True))
    talk.asks(13, sealed.up(QUESTION)).asks(14, sealed.up(QUESTION)).tells(30, sealed.down(ANSWER)).tells(40, sealed.down(ANSWER))
    talk.close()
    measured = talk.opener.yardstick.result()
    assert measured is not None
    assert (measured.exchanges, measured.missed, measured.extra) == (2, 1, 0)
    sealed = Sealed()
    talk = sealed.shake(Talk(Sealed.log(), compares=True))
    long = ask(body=b"question" * 20)
    talk.asks(12.5, sealed.up(QUESTION)).tells(22.6, sealed.down(ANSWER))
    talk.asks(33, sealed.up(long[:60])).tells(40, sealed.down(ANSWER[:50])).asks(45, sealed.up(long[60:]))
    talk.tells(60, sealed.down(ANSWER[50:]))
    talk.close()
    measured = talk.opener.yardstick.result()
    assert measured is not None
    assert (measured.exchanges, measured.missed, measured.extra) == (2, 0, 1)


@pytest.mark.parametrize("keys", ["", Sealed.log().replace("34" * 32, "39" * 32)])
def test_what_cannot_be_read_measures_nothing(keys: str) -> None:
    sealed = Sealed()
    talk = sealed.shake(Talk(keys, compares=True))
    talk.asks(13, sealed.up(QUESTION)).tells(30, sealed.down(ANSWER))
    assert [row.evidence for row in talk.close()] == ["inferred"]
    assert talk.opener.yardstick.result() is None


def test_enough_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analyzer.tls.yardstick.MOST_COMPARED", 1)
    sealed = Sealed()
    talk = Talk(Sealed.log(), compares=True)
    assert isinstance(talk.opener.yardstick, Yardstick)
    sealed.shake(talk).asks(13, sealed.up(QUESTION)).tells(30, sealed.down(ANSWER))
    talk.close()
    assert not talk.opener.yardstick.wants_more


def test_over_all_captures_inference_is_exact(shared: Path) -> None:
    """Every decrypted connection of every small capture; the report prints this measure for its reader."""
    compared = 0
    for keys in sorted(shared.glob("*/keys.log")):
        for capture in sorted(keys.parent.glob("*.pcap")):
            if capture.stat().st_size > 20_000_000:
                continue
            measured = analyzer.read(capture, keys=keys).capture.inference
            if measured is None:
                continue
            compared += measured.exchanges
            moments = (measured.request_start, measured.response_start, measured.response_end)
            assert (measured.missed, measured.extra) == (0, 0), capture.name
            assert all(one is None or one == EXACT for one in moments), capture.name
    assert compared > 1000
