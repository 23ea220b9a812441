"""The parts of a watch by themselves: clock, rates, keys that grow, owners, recorder, what is shown."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from analyzer.errors import UsageError
from analyzer.model.capture import CaptureInfo
from analyzer.model.rows import Call
from analyzer.model.seams import Block
from analyzer.tls import KeyLog
from analyzer.watching.clock import Clock
from analyzer.watching.following import Follower
from analyzer.watching.history import History
from analyzer.watching.keys import FollowedKeys
from analyzer.watching.owners.processes import Processes, command_of, describe
from analyzer.watching.owners.syns import ends_of
from analyzer.watching.rates import Histogram, Rates
from analyzer.watching.recording import Writer, read_trigger
from analyzer.watching.recording.pcapng import pcapng
from analyzer.watching.recording.ring import Kept, Ring
from analyzer.watching.rows import NOBODY, Owner, WatchedCall
from analyzer.watching.session import is_wanted
from analyzer.watching.showing.keyboard import keys_in
from analyzer.watching.showing.lines import line, record
from analyzer.watching.showing.phases import bar, words
from analyzer.watching.showing.state import State
from analyzer.watching.snapshot import Seen, Snapshot
from analyzer.watching.window import Done
from tests.factory import call as made_call
from tests.factory import connection, exchange, later, warm
from tests.live.replay import Steady
from tests.pipeline.traffic import ACK, START, SYN, Net, Tcp, blocks

MS = 1_000_000
RANDOM = "ab" * 32
SECRET = "cd" * 48


def packets(*times: int, data: bytes = b"x" * 60, first: int = 1) -> Block:
    size = len(data)
    at = [index * size for index in range(len(times))]
    return Block(data * len(times), at, [size] * len(times), [size] * len(times), list(times), 1, 0, first, 0, first)


def call(**also: object) -> Call:
    known = dict.fromkeys(Call._fields, 0) | {
        "call_id": 7, "chain_id": None, "service": "dynamodb", "operation": "GetItem", "sdk": "python-boto3", "start_ns": 1_000 * MS,
        "end_ns": 1_100 * MS, "duration_ns": 100 * MS, "attempts": 1, "ok": True, "error_type": None, "connect_ns": 50 * MS,
        "wait_ns": 50 * MS, "network_ns": 40 * MS, "server_ns": 10 * MS, "reused": False, "truncated": None, "evidence": "measured",
        "client_address": "10.0.0.1", "table_name": "orders", "status": 200, "exchange_ids": (3,), "connection_ids": (0,),
    } | also  # fmt: skip
    made: Call = WatchedCall(*(known[name] for name in Call._fields), *Owner(12, "python", "python app.py", None))
    return made


# The clock.


def test_the_clock_goes_on_while_nothing_comes() -> None:
    steady = Steady()
    clock = Clock(steady=steady)
    assert clock.now is None
    assert not clock.saw(packets(5_000 * MS))
    steady.now += 40 * MS
    assert clock.now == 5_040 * MS
    assert clock.elapsed == 40 * MS


def test_a_clock_that_is_set_back_is_noticed_and_ages_nothing() -> None:
    steady = Steady()
    clock = Clock(steady=steady)
    clock.saw(packets(10_000_000 * MS))
    steady.now += MS
    assert clock.saw(packets(1_000 * MS))
    assert clock.now == 1_000 * MS
    assert clock.elapsed == MS
    assert not clock.saw(packets(1_000 * MS - 500_000)), "interfaces may be out of order by a little"
    assert clock.now == 1_000 * MS


def test_packets_of_a_pipe_may_come_faster_than_their_times() -> None:
    steady = Steady()
    clock = Clock(live=False, steady=steady)
    clock.saw(packets(0))
    clock.saw(packets(60_000 * MS))
    assert clock.elapsed == 60_000 * MS
    live = Clock(live=True, steady=steady)
    live.saw(packets(0))
    live.saw(packets(60_000 * MS))
    assert live.elapsed == 0, "a clock that is set forward makes nothing older"


# Rates.


@pytest.mark.parametrize("share", [0.5, 0.95, 0.99])
def test_percentiles_are_right_within_their_buckets(share: float) -> None:
    histogram = Histogram()
    values = [(index * 7919) % 1_000_003 * 1_000 for index in range(5_000)]
    for value in values:
        histogram.add(value)
    exact = sorted(values)[int(share * len(values)) - 1]
    found = histogram.percentile(share)
    assert found is not None
    assert abs(found - exact) <= exact * 0.033
    assert len(histogram.buckets) < 700


def test_rates_tell_operations_apart_and_leave_out_what_was_cut() -> None:
    rates = Rates()
    for at in range(4):
        rates.add(call(), at * 1_000 * MS)
    rates.add(call(ok=False, attempts=3, truncated="end", duration_ns=99_000 * MS), 4_000 * MS)
    (row,) = rates.rows(5_000 * MS)
    assert (row.calls, row.failed, row.retried, row.largest_ns) == (5, 1, 2, 100 * MS)
    assert row.per_second == 1.0


# Keys.


def test_a_key_log_is_followed_while_it_grows(tmp_path: Path) -> None:
    path = tmp_path / "keys.log"
    keys = FollowedKeys(path)
    keys.read()
    assert len(keys.log) == 0
    with path.open("a") as file:
        file.write(f"CLIENT_RANDOM {RANDOM} {SECRET[:40]}")
        file.flush()
        keys.read()
        assert not keys.log.secrets(bytes.fromhex(RANDOM))
        file.write(f"{SECRET[40:]}\n")
    keys.read()
    assert keys.log.secrets(bytes.fromhex(RANDOM)) == {"CLIENT_RANDOM": bytes.fromhex(SECRET)}
    other = "ef" * 32
    path.write_text(f"CLIENT_TRAFFIC_SECRET_0 {other} {SECRET[:64]}\n# x\n")
    assert path.stat().st_size < len(f"CLIENT_RANDOM {RANDOM} {SECRET}\n"), "shorter than before: it was written anew"
    keys.read()
    assert keys.log.secrets(bytes.fromhex(other))
    keys.log.keep(1)
    assert len(keys.log) == 1
    keys.close()


# Owners.


@pytest.mark.parametrize(
    "line_,shown",
    [
        (["python3", "-u", "/srv/app/shop.py", "--password", "hunter2"], "python3 shop.py"),
        (["/usr/bin/java", "-Xmx1g", "-jar", "/opt/shop.jar", "--token=abc"], "java -jar shop.jar"),
        (["python", "-m", "shop.main", "secret"], "python -m shop.main"),
        (["python", "-c", "import os; token='abc'"], "python"),
        (["/usr/bin/curl", "-H", "Authorization: abc", "http://x"], "curl"),
        ([], None),
    ],
)
def test_a_command_is_shown_without_what_may_be_secret(line_: list[str], shown: str | None) -> None:
    assert command_of(line_) == shown


def test_a_container_is_known_by_its_control_group(tmp_path: Path) -> None:
    identity = "0123456789ab" + "c" * 52
    for name, text in {"comm": "node\n", "cmdline": "node\0server.js\0", "cgroup": f"0::/system.slice/docker-{identity}.scope\n"}.items():
        (tmp_path / "42").mkdir(exist_ok=True)
        (tmp_path / "42" / name).write_text(text)
    assert describe(42, str(tmp_path)) == Owner(42, "node", "node server.js", "0123456789ab")


def test_the_holder_of_a_socket_is_found() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        inode = os.fstat(server.fileno()).st_ino
        owner = Processes().holder(inode)
    assert owner is not None
    assert owner.process_id == os.getpid()
    assert Processes().holder(1) is None


def test_ends_of_a_segment() -> None:
    four = bytes([0x46]) + bytes(11) + bytes([10, 0, 0, 1, 10, 0, 0, 2]) + bytes(4) + b"\x1f\x90\x00\x50" + bytes(16)
    assert ends_of(four) == ((bytes([10, 0, 0, 1]), 8080), (bytes([10, 0, 0, 2]), 80))
    six = bytes([0x60]) + bytes(7) + b"a" * 16 + b"b" * 16 + b"\x00\x01\x00\x02" + bytes(16)
    assert ends_of(six) == ((b"a" * 16, 1), (b"b" * 16, 2))
    assert ends_of(four[:30]) is None


@pytest.mark.parametrize(
    "pattern,wanted",
    [("python", True), ("PYTHON app*", True), ("py*", True), ("12", True), ("0123456789ab", True), ("node", False), ("1", False)],
)
def test_processes_are_asked_for_by_name_number_or_container(pattern: str, wanted: bool) -> None:
    assert is_wanted(Owner(12, "python", "python app.py", "0123456789ab"), (pattern,)) is wanted
    assert not is_wanted(NOBODY, (pattern,))


# The recorder.


def test_the_ring_forgets_the_oldest() -> None:
    ring = Ring(10_000)
    for at in range(100):
        ring.add(packets(at * MS, first=at + 1))
    kept = list(ring.between(0, 1_000 * MS))
    assert 10 <= len(kept) < 60
    assert kept[-1].packet_id == 100
    assert ring.size <= 10_000
    assert [one.packet_id for one in ring.between(95 * MS, 97 * MS)] == [96, 97, 98]


def test_a_recording_reads_back_with_times_and_comments(tmp_path: Path, tshark: str) -> None:
    path = tmp_path / "made.pcapng"
    kept = [Kept(5, 0, 1, 1_795_000_000_123_456_789, b"\x00" * 60, 60), Kept(6, 0, 1, 1_795_000_000_123_456_999, b"\x00" * 61, 90)]
    path.write_bytes(b"".join(pcapng(kept, comment="what happened", application="t", names={0: "eth0"}, comments={6: "here"})))
    words_ = [
        tshark,
        "-r",
        str(path),
        "-T",
        "fields",
        "-e",
        "frame.time_epoch",
        "-e",
        "frame.len",
        "-e",
        "frame.comment",
        "-e",
        "frame.interface_name",
    ]
    done = subprocess.run(words_, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["1795000000.123456789\t60\t\teth0", "1795000000.123456999\t90\there\teth0"]


def test_what_is_written_reads_back_as_the_same_packets(tmp_path: Path) -> None:
    from analyzer import capture

    writer = Writer(tmp_path / "all.pcapng")
    writer.add(packets(1_795_000_000_000_000_001, 1_795_000_000_000_000_003), CaptureInfo())
    writer.close()
    assert (tmp_path / "all.pcapng").stat().st_mode & 0o077 == 0
    (block,) = capture.open_captures([tmp_path / "all.pcapng"]).blocks()
    assert block.times == [1_795_000_000_000_000_001, 1_795_000_000_000_000_003]
    assert [block.data[start : start + size] for start, size in zip(block.starts, block.lengths, strict=True)] == [b"x" * 60] * 2


@pytest.mark.parametrize(
    "text,met",
    [
        ("duration>99ms", True), ("duration>100ms", False), ("operation=GetItem,duration>=100ms", True),
        ("operation=Query,duration>1ms", False), ("finding=imds-hop-limit", True), ("finding=slow-dns", False),
        ("finding=imds-hop-limit,duration>1s", False), ("process=python", True),
    ],
)  # fmt: skip
def test_triggers(text: str, met: bool) -> None:
    assert read_trigger(text).met(Seen(call(), (), ("imds-hop-limit",))) is met


@pytest.mark.parametrize("text", ["", "duration", "nothing>1", "finding=no-such-thing", "duration>fast"])
def test_triggers_that_cannot_be_read(text: str) -> None:
    with pytest.raises(UsageError):
        read_trigger(text)


# What is shown.


def test_a_line_says_which_call_how_long_where_and_whose() -> None:
    said = line(Seen(call(operation="Get\x1b[2JItem"), (), ("slow-server",)))
    assert said.startswith("1970-01-01 00:00:01.000Z call 7 Get\\x1b[2JItem 100 ms ok:")
    assert "connect 50.0 network 40.0 server 10.0" in said
    assert said.endswith("python app.py (12)  [slow-server]")


def test_a_record_has_all_columns() -> None:
    row = json.loads(record(Seen(call(), (), ("slow-server",))))
    assert set(Call._fields) | {"process_id", "process", "command", "container", "findings", "spans"} == set(row)


def test_a_bar_shows_shares_in_as_many_cells_as_there_are() -> None:
    pieces = bar(call(), 10)
    assert pieces == [("connect", "ccccc"), ("network", "nnnn"), ("server", "s")]
    assert sum(len(letters) for _, letters in bar(call(connect_ns=1), 24)) == 24
    assert words(call(connect_ns=10)) == "network 40.0 server 10.0"


def test_keys() -> None:
    assert keys_in(b"\x1b[A") == ["up"]
    assert keys_in(b"pq\r") == ["p", "q", "enter"]
    assert keys_in(b"\x1b[99~") == []


def snapshot(*seen: Seen) -> Snapshot:
    from analyzer.model.analysis import Analysis

    def answer() -> Analysis:
        raise AssertionError("nobody asked for it")

    rates = Rates()
    for one in seen:
        rates.add(one.call, MS)
    now, after, shown = 2_000 * MS, 1_000 * MS, tuple(rates.rows(1_000 * MS))
    return Snapshot(now, after, "eth0", "dumpcap", 10, 5.0, 0, seen, (), (), shown, (), len(seen), (), (), False, answer)


def test_the_view_pauses_sorts_and_opens() -> None:
    state = State()
    fast, slow = Seen(call(call_id=1, duration_ns=5), (), ()), Seen(call(call_id=2, duration_ns=50), (), ())
    state.take(snapshot(slow, fast))
    assert [seen.call.call_id for seen in state.rows()] == [1, 2]
    state.press("s")
    assert [seen.call.call_id for seen in state.rows()] == [2, 1]
    state.press("p")
    state.take(snapshot(Seen(call(call_id=3, duration_ns=500), (), ())))
    assert len(state.rows()) == 2
    state.press("p")
    assert [seen.call.call_id for seen in state.rows()] == [3, 2, 1]
    state.press("down")
    state.press("down")
    state.press("enter")
    assert state.opened == 2
    state.press("q")
    assert state.opened is None
    assert not state.quit
    state.press("q")
    assert state.quit


@pytest.mark.parametrize("width", [60, 100, 200])
def test_the_view_fits_its_terminal(width: int) -> None:
    from io import StringIO

    from rich.console import Console

    from analyzer.watching.showing.view import View

    state = State()
    state.take(snapshot(*(Seen(call(call_id=at, operation="\x1b]0;x\x07" + "é字" * 40), (), ("slow-server",)) for at in range(50))))
    out = StringIO()
    console = Console(file=out, width=width, height=24, force_terminal=False)
    console.print(View(state), height=24)
    shown = out.getvalue().splitlines()
    assert len(shown) <= 24
    assert "\x1b" not in out.getvalue()
    assert "\x07" not in out.getvalue()
    assert any("GetItem" in text or "é" in text for text in shown)


# The program.


def analyzer(*words_: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    program = [sys.executable, "-m", "analyzer", "watch", *words_]
    return subprocess.run(program, input=stdin, capture_output=True, check=False, env={**os.environ, "NO_COLOR": "1"})


def test_a_capture_that_comes_through_a_pipe_is_watched_and_reported(bundled: Path) -> None:
    done = analyzer("-", stdin=(bundled / "cold-start.pcap").read_bytes())
    assert done.returncode == 0, done.stderr
    said = done.stdout.decode()
    assert sum(text.count(" call ") for text in said.splitlines() if " Query " in text and "Z call " in text) == 20
    assert "All 20 Query calls are slow because the endpoint is 90.3 ms away" in said.replace("\n", " ")


def test_each_line_of_jsonl_is_a_call(bundled: Path) -> None:
    done = analyzer("-", "--format", "jsonl", stdin=(bundled / "imds-hop-limit-container.pcap").read_bytes())
    assert done.returncode == 0, done.stderr
    rows = [json.loads(text) for text in done.stdout.splitlines()]
    assert len(rows) == 5
    waited = next(row for row in rows if row["operation"] == "GetItem" and row["credentials_ns"] > 4_000 * MS)
    assert "imds-hop-limit" in waited["findings"]
    assert sum(span["end_ns"] - span["start_ns"] for span in waited["spans"]) == waited["duration_ns"]


@pytest.mark.parametrize(
    "words_,status,said",
    [
        (("capture.pcap",), 1, "analyzer report"),
        (("-i", "no-such-interface"), 2, "there is no interface no-such-interface"),
        (("-i", "lo", "--trigger", "nonsense"), 1, "nonsense"),
        (("-i", "lo", "--netns", "no-such-namespace"), 2, "no network namespace"),
        (("-i", "lo", "--metrics", "here"), 1, "address"),
    ],
)
def test_what_cannot_be_is_said_in_one_message(words_: tuple[str, ...], status: int, said: str, tmp_path: Path) -> None:
    done = analyzer(*words_, "--record", str(tmp_path / "recordings"))
    assert done.returncode == status, done.stderr
    text = done.stderr.decode()
    assert said in text
    assert "Traceback" not in text
    assert "hint: " in text


def test_the_check_says_what_will_work() -> None:
    done = analyzer("--check", "-i", "no-such-interface")
    said = done.stdout.decode()
    assert done.returncode == 2
    assert "It will not work: there is no interface no-such-interface" in said
    for word in ("dumpcap", "tcpdump", "socket", "rights", "interfaces", "key log", "processes"):
        assert word in said


def test_batches_that_are_sent_again_are_one_chain_though_the_first_was_handed_out_before() -> None:
    under = connection(0)
    first = exchange(0, under, operation="BatchWriteItem", unprocessed=True)
    second = later(1, under, 1, operation="BatchWriteItem", unprocessed=False)
    calls = [made_call(0, under, operation="BatchWriteItem"), warm(1, under, 1, operation="BatchWriteItem")]
    history = History()
    (alone,) = history.add([Done(calls[0], (), (first,), (under,))], (), ())
    assert alone.call.chain_id is None
    (again,) = history.add([Done(calls[1], (), (second,), (under,))], (), ())
    assert again.call.chain_id == 0
    assert [one.call.chain_id for one in history.calls.values()] == [0, 0]


def test_since_when_connections_are_being_opened_is_a_time() -> None:
    net = Net(1, calls=0)
    del net.frames[:]
    spare = Tcp(net, "10.0.1.23", "3.218.180.10", 40_000, 8000, START)
    spare.packet("C", SYN)
    spare.packet("S", SYN | ACK)
    spare.packet("C", ACK)
    waiting = Tcp(net, "10.0.1.23", "3.218.180.10", 40_001, 8000, START + MS)
    waiting.packet("C", SYN)
    follower = Follower(Clock(steady=Steady()), (), KeyLog())
    for block in blocks(net.frames, set()):
        follower.feed(block)
    _, undecided, opening = follower._connections(follower.running.look(START + 2 * MS))
    assert [row.client_port for row in undecided] == [40_001]
    assert opening == START
