"""Known timers: each is recognised within its tolerance, not outside of it, and two that fit equally are both named."""

from __future__ import annotations

import pytest

from analyzer import sdks, timers
from analyzer.sdks.records import UNVERIFIED
from analyzer.timers import KINDS, Gap, cause, causes, fits, name, repair, word
from analyzer.timers.clients import of, pauses
from analyzer.timers.known import SYSTEM
from analyzer.timers.records import length
from tests.factory import MS

JS3, BOTO, AIO = "js-v3", "python-boto3", "python-aiobotocore"


@pytest.mark.parametrize(
    "gap, told",
    [
        (Gap("syn", 1015 * MS), "the SYN timer (1 s)"),
        (Gap("syn", 1120 * MS, repeats=1), "the SYN timer (1 s)"),
        (Gap("syn", 980 * MS), ""),
        (Gap("syn", 1500 * MS), ""),
        (Gap("syn", 3020 * MS), "the SYN timer, doubled (1 s + 2 s) or the SYN timer (3 times 1 s)"),
        (Gap("syn", 3020 * MS, repeats=2), "the SYN timer, doubled (1 s + 2 s)"),
        (Gap("syn", 3020 * MS, repeats=3), "the SYN timer (3 times 1 s)"),
        (Gap("syn", 3020 * MS, repeats=1), ""),
        (Gap("syn", 7100 * MS, repeats=3), "the SYN timer, doubled (1 s + 2 s + 4 s)"),
        (Gap("delayed-ack", 40 * MS), "Linux' delayed ACK (40 ms)"),
        (Gap("delayed-ack", 48 * MS), "Linux' delayed ACK (40 ms)"),
        (Gap("delayed-ack", 60 * MS), ""),
        (Gap("delayed-ack", 37 * MS), ""),
        (Gap("delayed-ack", 205 * MS), "Linux' longest delayed ACK (200 ms) or the delayed ACK of Windows (200 ms)"),
        (Gap("query", 5006 * MS), "glibc's resolver timer (5 s)"),
        (Gap("query", 2502 * MS), "musl's resolver timer (2.5 s)"),
        (Gap("query", 1003 * MS), "a resolver timer of 1 s (resolv.conf: timeout:1)"),
        (Gap("query", 700 * MS), ""),
        (Gap("address", 251 * MS, JS3, "dynamodb"), "the head start of an address of SDK for JavaScript v3 (250 ms)"),
        (Gap("address", 301 * MS, JS3, "dynamodb"), ""),  # its own is another
        (Gap("address", 301 * MS), "the head start of an address, 300 ms (Go)"),
        (Gap("address", 275 * MS), ""),
        (Gap("silence", 1002 * MS, JS3, "imds"), "the IMDS time limit of SDK for JavaScript v3 (1 s)"),
        (Gap("silence", 1002 * MS, JS3, "dynamodb"), ""),
        (Gap("silence", 2004 * MS, BOTO, "ecs-credentials"), "the container credentials time limit of boto3 (2 s)"),
        (Gap("silence", 60_010 * MS, BOTO, "dynamodb"), "the time limit of boto3 (60 s)"),
        (Gap("silence", 4000 * MS, BOTO, "dynamodb"), ""),  # a setting
        (Gap("connect", 1001 * MS, BOTO, "imds"), "the IMDS connect time limit of boto3 (1 s)"),
        (Gap("idle", 12_005 * MS, AIO, "dynamodb", "client"), "the idle limit of aiobotocore (12 s)"),
        (Gap("idle", 12_005 * MS, AIO, "dynamodb", "server"), "a timer of 12 s"),
        (Gap("idle", 350_020 * MS, by="server"), "a usual idle limit of 350 s (NAT gateway, Network Load Balancer, VPC endpoint)"),
        (Gap("idle", 4004 * MS, None, None, "server"), "a timer of 4 s"),
        (Gap("idle", 4150 * MS, None, None, "server"), ""),
        (Gap("idle", 20_040 * MS, None, None, "server"), "a timer of 20 s"),
        (Gap("idle", 80_900 * MS, None, None, "server"), ""),  # within 0.3 % of a second lies every other long time
        (Gap("idle", 120_200 * MS, None, None, "server"), "a timer of 120 s"),
        (Gap("idle", 2000 * MS, None, None, "server"), ""),  # too short to tell from chance
        (Gap("pause", 51 * MS, AIO, "dynamodb", retry=1), "the back-off of aiobotocore in legacy mode (50 ms)"),
        (Gap("pause", 101 * MS, AIO, "dynamodb", retry=2), "the back-off of aiobotocore in legacy mode (100 ms)"),
        (Gap("pause", 20 * MS, BOTO, "dynamodb", failure="transient"), "the back-off of boto3 in standard mode (at random up to 25 ms)"),
        (Gap("pause", 50 * MS, None, "dynamodb", retry=1), ""),
        (Gap("pause", 90_000 * MS, BOTO, "dynamodb", retry=1), ""),
        (Gap("continue", 1001 * MS), "the wait for 100 Continue of botocore, Ruby, Go, curl, .NET (1 s)"),
        (Gap("continue", 20 * MS), ""),
    ],
)  # fmt: skip
def test_a_gap_is_named(gap: Gap, told: str) -> None:
    assert name(gap) == told


def test_an_unknown_client_names_those_who_set_that_limit() -> None:
    told = name(Gap("silence", 1003 * MS, None, "imds"))
    assert told.startswith("a time limit of 1 s (")
    assert "and" in told


def test_a_fit_gives_its_reason() -> None:
    (fit,) = fits(Gap("syn", 1015 * MS, repeats=1))
    assert fit.reason == (
        "the first SYN to the same SYN sent again took 1015 ms, within 998 ms to 1135 ms; ip-sysctl: tcp_syn_retries; RFC 6298 section 2.1 "
        "(1 s, doubled)"
    )


def test_every_timer_is_whole() -> None:
    every = [*SYSTEM, *(timer for sdk in (None, *sdks.users()) for to in (None, "imds", "ecs-credentials") for timer in of(sdk, to))]
    assert len(every) > 50
    for timer in every:
        assert timer.kind in KINDS
        assert timer.low_ns <= timer.length_ns <= timer.high_ns
        assert timer.sets
        assert timer.source
        assert not timer.source.startswith(UNVERIFIED)  # what was not verified proves nothing
    codes = [timer.code for timer in SYSTEM]
    assert len(codes) == len(set(codes))


def test_causes_are_codes_with_words() -> None:
    assert causes(Gap("syn", 3020 * MS)) == ("timer:syn-2|syn-linear-3",)
    assert word("timer:syn-2|syn-linear-3") == "the SYN timer, doubled (1 s + 2 s) or the SYN timer (3 times 1 s)"
    assert cause(()) == ()
    assert causes(Gap("syn", 500 * MS)) == ()
    for other in ("syn-retransmitted", "timer:", "timer:unheard-of", "other:syn-1"):
        assert word(other) is None


def test_every_timer_that_can_be_a_cause_has_words() -> None:
    for sdk in (None, *sdks.users()):
        for to in (None, "imds", "ecs-credentials", "eks-pod-identity", "dynamodb", "s3"):
            for timer in (*of(sdk, to), *(one for retry in (1, 2, 3) for one in pauses(sdk, to, retry))):
                told = word(f"timer:{timer.code}")
                assert told is not None, timer.code
                assert timer.name.startswith(told)


@pytest.mark.parametrize(
    "took, rtt, repeats, codes",
    [
        (212, 8, 1, ("retransmission-timeout",)),
        (636, 8, 2, ("retransmission-timeout",)),
        (8, 8, 1, ("fast-retransmit",)),
        (24, 8, 1, ("tail-loss-probe",)),
        (3, 8, 1, ()),
        (100, 8, 1, ()),
        (460, 220, 1, ("retransmission-timeout", "tail-loss-probe")),
        (620, 300, 1, ("tail-loss-probe",)),
        (520, 300, 1, ("retransmission-timeout",)),
        (90_000, 8, 1, ("retransmission-timeout",)),
        (250, None, 1, ("retransmission-timeout",)),
        (50, None, 1, ()),
    ],
)
def test_which_repair_it_was(took: int, rtt: int | None, repeats: int, codes: tuple[str, ...]) -> None:
    assert repair(took * MS, None if rtt is None else rtt * MS, repeats) == codes
    for code in codes:
        assert word(f"timer:{code}") == timers.REPAIRS[code][0]


def test_lengths_read_as_one_would_set_them() -> None:
    assert [length(round(value * MS)) for value in (250, 1000, 3100, 350_000, 2500)] == ["250 ms", "1 s", "3.1 s", "350 s", "2.5 s"]
