"""Pauses held against the back-off of their SDK: which mode made them, in words; what is tried again, and for how long."""

from __future__ import annotations

import pytest

from analyzer import sdks
from analyzer.sdks.retries import (
    CLOCK_SKEW,
    LONGEST_PAUSE_NS,
    MOST_TOLD,
    Retry,
    is_retried,
    judge,
    kind,
    longest_pause,
    modes,
    most_attempts,
    ordinal,
    range_of,
    told,
    told_of_credentials,
)
from analyzer.units import MILLISECOND as MS
from analyzer.units import SECOND


def seen(*pauses_ms: float, what: str = "throttling", first: int = 1) -> list[Retry]:
    return [Retry(number, what, round(took * MS)) for number, took in enumerate(pauses_ms, first)]


@pytest.mark.parametrize(
    "name, version, marker, pauses, words",
    [
        (
            "python-boto3", "1.40.1", None, seen(51, 100.4, 200.4),
            "1st retry of legacy mode: 50.0 ms expected, 51.0 ms seen; 2nd retry: 100 ms expected, 100 ms seen; "
            "3rd retry: 200 ms expected, 200 ms seen",
        ),
        ("python-boto3", "1.40.1", "standard", seen(51, 100.4),
         "1st retry of standard mode: up to 1000 ms expected, 51.0 ms seen; 2nd retry: up to 2000 ms expected, 100 ms seen"),
        ("python-boto3", "1.44.5", None, seen(51, 101),
         "1st retry of legacy mode: 50.0 ms expected, 51.0 ms seen; 2nd retry: 100 ms expected, 101 ms seen; "
         "by default this version is in standard mode"),
        # One pause of 51 ms is as likely one of up to a second.
        ("python-boto3", "1.44.5", None, seen(51), "1st retry of standard mode: up to 1000 ms expected, 51.0 ms seen"),
        ("js-v2", None, None, seen(180, first=3), "3rd retry of legacy mode: up to 200 ms expected, 180 ms seen"),
        ("go-v1", None, None, seen(780), "1st retry of SDK for Go 1: 500 ms to 1000 ms expected, 780 ms seen"),
        ("elixir-hackney", None, None, seen(15), "1st retry of ex_aws: up to 20.0 ms expected, 15.0 ms seen"),
        ("ruby", None, None, seen(4, 3),
         "1st retry of legacy mode: no pause expected, 4.0 ms seen; 2nd retry: no pause expected, 3.0 ms seen"),
        ("js-v2", None, None, [*seen(10), *seen(40)],
         "1st retry of legacy mode: up to 50.0 ms expected, 10.0 ms to 40.0 ms seen (2 times)"),
    ],
)  # fmt: skip
def test_which_retry_of_which_mode(name: str, version: str | None, marker: str | None, pauses: list[Retry], words: str) -> None:
    assert told(name, "dynamodb", pauses, version=version, marker=marker) == words


def test_a_pause_longer_than_any_mode_allows() -> None:
    text = told("python-boto3", "dynamodb", seen(25_000, first=2), version="1.44.5")
    assert text == (
        "2nd retry: 25.0 s seen, longer than any mode of boto3 allows (2000 ms there, 20.0 s is the longest): adaptive mode, a setting, or "
        "a busy program"
    )
    # An SDK without such a mode is not said to be in it.
    assert "adaptive" not in told("js-v2", "dynamodb", seen(281, first=3))
    assert "(200 ms there, 25.6 s is the longest): a setting, or a busy program" in told("js-v2", "dynamodb", seen(281, first=3))


def test_a_rate_limiter_explains_a_long_pause_only_where_it_is_on() -> None:
    assert told("python-boto3", "dynamodb", seen(9_000), marker="adaptive").startswith("1st retry of adaptive mode: up to 1000 ms expected")
    assert "longer than any mode" in told("python-boto3", "dynamodb", seen(9_000))


def test_a_pause_shorter_than_any_mode_makes() -> None:
    text = told("go-v1", "dynamodb", seen(100))
    assert text.startswith("1st retry: 100 ms seen, 500 ms to 1000 ms expected: the pauses are not those of SDK for Go 1 by default")
    assert "1st retry of SDK for Go 1" in told("go-v1", "dynamodb", seen(499))  # a timer that ends a millisecond early


def test_the_mode_is_told_from_all_pauses_of_the_client() -> None:
    everything = seen(52, 101, 203)
    alone = told("python-boto3", "dynamodb", everything[:1], version="1.44.5")
    assert "of standard mode" in alone
    among = told("python-boto3", "dynamodb", everything[:1], version="1.44.5", among=everything)
    assert "of legacy mode: 50.0 ms expected, 52.0 ms seen" in among
    # Where no mode made them all, each speaks for itself.
    odd = [*everything, Retry(1, "throttling", 30 * SECOND)]
    assert "of standard mode" in told("python-boto3", "dynamodb", everything[:1], version="1.44.5", among=odd)
    assert "longer than any mode" in told("python-boto3", "dynamodb", odd[-1:], version="1.44.5", among=odd)


def test_the_slack_of_a_pause_counts() -> None:
    assert "legacy mode" in told("js-v2", "dynamodb", [Retry(1, "transient", 79 * MS)])
    assert "longer" in told("js-v2", "dynamodb", [Retry(1, "transient", 81 * MS)])
    assert "legacy mode" in told("js-v2", "dynamodb", [Retry(1, "transient", 130 * MS, 90 * MS)])


def test_a_formula_from_hearsay_says_nothing() -> None:
    assert told("java-v2", "dynamodb", seen(5), marker="legacy") == ""
    assert "legacy mode" in told("java-v2", "dynamodb", seen(5, what="transient"), marker="legacy")
    # Of pauses of both kinds the known ones are told.
    assert "1st retry" not in told("java-v2", "dynamodb", [*seen(5), *seen(5, what="transient", first=2)], marker="legacy")


@pytest.mark.parametrize("name", [None, "who", "kotlin", "aws-cli-9"])
def test_of_an_unknown_sdk_nothing_is_said(name: str | None) -> None:
    assert told(name, "dynamodb", seen(5)) == ""
    assert told("js-v2", "dynamodb", []) == ""


def test_very_many_retries_are_not_all_told() -> None:
    text = told("js-v2", "dynamodb", seen(*[1.0] * 9))
    assert text.count("retry") == MOST_TOLD
    assert text.endswith("; 6 more")


def test_the_version_tells_which_modes_there_are() -> None:
    old = modes("python-boto3", "1.43.0", "standard", "dynamodb", frozenset({"transient"}))
    new = modes("python-boto3", "1.44.0", "standard", "dynamodb", frozenset({"transient"}))
    assert [mode.delays["transient"].base_ms for mode in (*old, *new)] == [1000, 50]
    assert judge("python-boto3", "dynamodb", seen(400, what="transient"), version="1.43.0", marker="standard").mode is old[0]
    assert judge("python-boto3", "dynamodb", seen(400, what="transient"), version="1.44.0", marker="standard").mode is None


@pytest.mark.parametrize(
    "name, status, error, wanted",
    [
        ("js-v2", 400, "ProvisionedThroughputExceededException", "throttling"),
        ("js-v2", 400, "ValidationException", None),
        ("js-v2", 400, None, None),
        ("js-v2", 500, "InternalServerError", "transient"),
        ("js-v2", None, None, "transient"),
        ("java-v2", 400, "ThrottlingException", "throttling"),  # its own list is not known: all others see it so
        ("rust", 429, None, "throttling"),
        (None, 429, None, "throttling"),
        (None, 503, "SlowDown", "throttling"),
        (None, 507, None, "transient"),
        (None, 400, "RequestTimeout", "transient"),
        (None, 400, "AccessDeniedException", None),
    ],
)
def test_what_is_tried_again(name: str | None, status: int | None, error: str | None, wanted: str | None) -> None:
    assert kind(name, status, error) == wanted
    assert is_retried(name, status, error) is (wanted is not None)


def test_a_wrong_clock_is_tried_again_by_sdks_that_correct_it() -> None:
    for error in CLOCK_SKEW:
        assert is_retried("js-v2", 400, error)
        assert is_retried(None, 403, error)
        assert not is_retried("elixir-hackney", 400, error)
        assert kind("js-v2", 400, error) is None


@pytest.mark.parametrize(
    "name, pause, tries",
    [
        ("js-v2", LONGEST_PAUSE_NS, 11),  # 25.6 s before the 10th retry
        ("elixir-hackney", 5_120 * MS, 10),
        ("go-v1", LONGEST_PAUSE_NS, 11),
        ("js-v3", 20 * SECOND, 4),  # the cap of its adaptive mode, which makes as many attempts as it is told to
        (None, LONGEST_PAUSE_NS, None),
        ("kotlin", LONGEST_PAUSE_NS, None),
    ],
)
def test_how_long_and_how_often_at_most(name: str | None, pause: int, tries: int | None) -> None:
    assert most_attempts(name, "dynamodb") == tries
    assert longest_pause(name, "dynamodb") == min(pause, LONGEST_PAUSE_NS)


def test_no_pause_of_any_sdk_outlasts_the_longest() -> None:
    for one in sdks.profiles().values():
        assert 0 < longest_pause(one.name, "dynamodb") <= LONGEST_PAUSE_NS


def test_the_pauses_of_metadata_clients() -> None:
    assert told_of_credentials("js-v2", "imds", 2, 63 * MS) == "2nd retry of SDK for JavaScript v2: up to 200 ms expected, 63.0 ms seen"
    assert told_of_credentials("js-v2", "imds", 4, 63 * MS) == ""  # it makes four tries, and then goes on without a token
    assert told_of_credentials("python-boto3", "imds", 1, MS) == ""  # no pause is known
    assert told_of_credentials("python-boto3", "ecs-credentials", 1, MS) == "1st retry of boto3: 1000 ms expected, 1.0 ms seen"
    assert told_of_credentials(None, "imds", 1, MS) == ""


@pytest.mark.parametrize(
    "number, text", [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (23, "23rd"), (111, "111th")]
)
def test_ordinals(number: int, text: str) -> None:
    assert ordinal(number) == text


def test_ranges() -> None:
    assert [range_of(0, 0), range_of(0, 5 * MS), range_of(5 * MS, 5 * MS), range_of(5 * MS, 10 * MS)] == [
        "no pause", "up to 5.0 ms", "5.0 ms", "5.0 ms to 10.0 ms",
    ]  # fmt: skip
