"""Round trips, needed repeats, holes and other answers to readers."""

from __future__ import annotations

from analyzer.model.seams import Claim, End, Link, Sink
from tests.tcp.script import START, Reader, blocks, play, run, trace

OPEN = "0 C S 0 0\n10 S SA 0 1\n10.4 C A 1 1\n"


def rtts(lines: str) -> tuple[int | None, int | None]:
    row = run(OPEN + lines).one
    return row.min_rtt_ns, row.client_rtt_ns


def test_the_handshake_gives_both_round_trips() -> None:
    assert rtts("") == (10_000_000, 400_000)


def test_data_and_its_ack_give_shorter_ones() -> None:
    assert rtts("20 C PA 1 1 10\n27 S PA 1 11 10\n27.2 C A 11 11") == (7_000_000, 200_000)


def test_repeats_give_no_sample() -> None:
    # Timed from the first copy it would be 6 ms, less than the path takes.
    assert rtts("20 C PA 1 1 10\n25 C PA 1 1 10\n26 S A 1 11") == (10_000_000, 400_000)


def test_time_that_steps_back_gives_no_sample() -> None:
    assert rtts("20 C PA 1 1 10\n15 S A 1 11") == (10_000_000, 400_000)


def test_a_repeated_syn_gives_no_sample() -> None:
    row = run("0 C S 0 0\n1000 C S 0 0\n1001 S SA 0 1\n1001.1 C A 1 1").one
    assert (row.min_rtt_ns, row.client_rtt_ns, row.connect_ns) == (None, 100_000, 1_001_100_000)


def test_a_repeated_syn_ack_gives_no_sample() -> None:
    row = run("0 C S 0 0\n10 S SA 0 1\n1010 S SA 0 1\n1010.1 C A 1 1").one
    assert (row.min_rtt_ns, row.client_rtt_ns) == (10_000_000, None)


class Asking:
    """Claims every connection for two sinks and keeps the link, to be asked after the last packet."""

    name = "asking"

    def __init__(self) -> None:
        self.links: list[Link] = []
        self.seen: list[int] = []

    def sniff(self, link: Link, data: bytes, start: int, end: int) -> Claim:
        return Claim.REQUEST

    def open(self, link: Link, client: object, server: object) -> tuple[Sink, Sink]:
        self.links.append(link)
        asking = self

        class Up(Reader):
            def feed(self, data: bytes, start: int, end: int, offset: int) -> int:
                link.watch_request_end(offset + end - start)
                return super().feed(data, start, end, offset)

        class Down(Reader):
            def feed(self, data: bytes, start: int, end: int, offset: int) -> int:
                asking.seen.append(link.acknowledged_by_response())
                link.response_received(offset + end - start, 0)
                return super().feed(data, start, end, offset)

        return Up(), Down()


def ask(lines: str) -> tuple[Link, list[int]]:
    seen = None
    for fast in (False, True):
        asking = Asking()
        play(blocks(trace(OPEN + lines, client=2**32 - 50)), fast=fast, openers=[asking])
        assert seen in (None, asking.seen)
        seen = asking.seen
    return asking.links[0], asking.seen


def test_what_a_response_acknowledges_is_an_offset() -> None:
    # Once on the slow path (first ACK of this side), then on the fast one, across the wrap.
    start = "20 C PA 1 1 100\n29 S A 1 101\n30 S PA 1 101 10\n31 C A 101 11\n40 C PA 101 11 50\n"
    link, seen = ask(start + "50 S PA 11 151 10\n51 S PA 21 151 10\n52 C A 151 31")
    assert seen == [100, 150, 150]
    assert link.response_received(30, START + 51_000_000)


def test_the_ack_of_a_watched_request_end() -> None:
    link, _ = ask("20 C PA 1 1 100\n28 S A 1 51\n29 S A 1 101\n40 S PA 1 101 10\n41 C A 101 11")
    assert link.request_acknowledged_ns(100) == START + 29_000_000
    assert link.request_acknowledged_ns(90) is None


def test_a_repeat_is_needed_if_its_ack_comes_a_round_trip_later() -> None:
    link, _ = ask("20 C PA 1 1 100\n220 C PA 1 1 100\n231 S A 1 101")
    assert link.needed_repeats(0, 100) == [(START + 20_000_000, START + 220_000_000, 5)]
    assert link.needed_repeats(100, 200) == []
    early, _ = ask("20 C PA 1 1 100\n220 C PA 1 1 100\n221 S A 1 101")
    assert early.needed_repeats(0, 100) == []
    later, _ = ask("20 C PA 1 1 100\n29 S A 1 101\n40 C PA 101 1 50\n240 C PA 101 1 50\n251 S A 1 151")
    assert later.needed_repeats(100, 150) == [(START + 40_000_000, START + 240_000_000, 7)]


def test_a_repeat_of_acknowledged_bytes_is_not_needed_whatever_comes_later() -> None:
    # The client's path back is dead: it repeats what the server has, and the server says so each time.
    link, _ = ask("20 C PA 1 1 100\n30 S A 1 101\n220 C PA 1 1 100\n230 S A 1 101")
    assert link.needed_repeats(0, 100) == []
    assert (link.request_repeats(0, 100), link.request_repeats(100, 200)) == (1, 0)


def test_repeats_are_counted_by_the_bytes_that_they_carry() -> None:
    link, _ = ask("20 C PA 1 1 100\n30 S PA 1 101 10\n230 S PA 1 101 10\n630 S PA 1 101 10\n700 C A 101 11")
    assert (link.response_repeats(0, 10), link.response_repeats(10, 20), link.request_repeats(0, 100)) == (2, 0, 0)


def test_what_of_a_request_was_received() -> None:
    link, _ = ask("20 C PA 1 1 100\n28 S A 1 51")
    assert (link.request_received(50), link.request_received(100)) == (True, False)
    reset, _ = ask("20 C PA 1 1 100\n28 S R 1 0")
    assert reset.request_received(100) is False


def test_of_a_server_that_was_not_captured_nothing_is_known() -> None:
    played = run("0 C S 0 0\n10.4 C A 1 1\n20 C PA 1 1 100")
    assert played.flows[0].request_received(100) is None


def test_a_reset_out_of_the_blue_acknowledges_nothing() -> None:
    played = run("20 C PA 1 1 100\n28 S R 1 0", client=2**31 + 5)
    assert played.flows[0].request_received(100) is False


def test_the_hop_limit_of_what_is_being_read() -> None:
    seen = []

    class Down(Reader):
        def feed(self, data: bytes, start: int, end: int, offset: int) -> int:
            seen.append(links[-1].packet_ttl)
            return super().feed(data, start, end, offset)

    class Opening(Asking):
        def open(self, link: Link, client: object, server: object) -> tuple[Sink, Sink]:
            links.append(link)
            return Reader(), Down()

    links: list[Link] = []
    text = OPEN + "20 C PA 1 1 100\n28 S PA 1 101 10 ttl=1\n29 S PA 11 101 10 ttl=255\n30 C A 101 21\n31 S PA 21 101 10 ttl=33"
    for fast in (True, False):
        seen.clear()
        play(blocks(trace(text)), fast=fast, openers=[Opening()])
        assert seen == [1, 255, 33]


def test_holes_in_the_answer_are_told_with_both_times() -> None:
    link, _ = ask("20 C PA 1 1 100\n30 S PA 1 101 10\n31 S PA 31 101 10\n32 C A 101 11\n90 S PA 11 101 20\n91 C A 101 41")
    assert link.holes(0, 40) == [(START + 31_000_000, START + 90_000_000, 8)]
    link.forget(1000, 1000)
    assert link.holes(0, 40) == []


def test_an_answer_that_was_repeated_and_not_acknowledged_was_not_received() -> None:
    link, _ = ask("20 C PA 1 1 100\n30 S PA 1 101 10\n230 S PA 1 101 10\n630 S PA 1 101 10")
    assert not link.response_received(10, START + 30_000_000)


def test_an_answer_at_the_end_of_the_capture_has_the_benefit_of_the_doubt() -> None:
    link, _ = ask("20 C PA 1 1 100\n30 S PA 1 101 10")
    assert link.response_received(10, START + 30_000_000)


def test_a_reset_that_acknowledges_nothing_takes_no_ack_back() -> None:
    link, _ = ask("20 C PA 1 1 100\n30 S PA 1 101 10\n31 C A 101 11\n32 C R 101 0")
    assert link.response_received(10, START + 30_000_000)
    other, _ = ask("20 C PA 1 1 100\n30 S PA 1 101 10\n32 C R 101 0")
    assert not other.response_received(10, START + 30_000_000)
    more, _ = ask("20 C PA 1 1 100\n30 S PA 1 101 10\n31 C A 101 11\n32 C R 101 0\n33 S PA 11 101 10\n34 C A 101 21")
    assert more.response_received(20, START + 33_000_000)


def test_ends_and_sizes() -> None:
    played = run("0 C S 0 0 mss=1460\n1 S SA 0 1 mss=1400\n2 C A 1 1")
    link = played.flows[0]
    assert (link.client(), link.server()) == ((bytes((10, 0, 0, 1)), 40000), (bytes((10, 0, 0, 2)), 8000))
    assert (link.segment_bytes(), run("0 C A 1 1").flows[0].segment_bytes()) == (1400, 1460)
    assert link.ended is End.OPEN
