"""What TCP and HTTP tell of real captures: the credential endpoint's answers that die on the way, lost SYNs, closed windows, stalls."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer import capture, tcp
from analyzer.assembly import join_one_way
from analyzer.latency.waits import covered
from analyzer.model.analysis import Analysis
from analyzer.model.rows import Connection, Exchange
from analyzer.model.wants import WITHOUT_CALLS
from analyzer.pipeline import Pipeline, read

MS = 1_000_000


def analysis(path: Path) -> Analysis:
    return read(path, calls=False)


def tokens(path: Path) -> list[tuple[Exchange, Connection]]:
    """The token requests of a capture, with their connections."""
    answer = analysis(path)
    return [(row, answer.connections[row.connection_id]) for row in answer.exchanges if row.operation == "PutToken"]


def test_the_uplink_sees_the_answer_die(shared: Path) -> None:
    pairs = tokens(shared / "imds-hoplimit1-js2" / "uplink.pcap")
    assert len(pairs) == 4
    for row, under in pairs:
        assert (row.outcome, row.response_ttl, row.imds_version, row.request_acknowledged) == ("undelivered", 1, 2, True)
        assert (row.request_repeats, row.stall_ns, under.server_ttl) == (0, 0, 255)
        assert under.icmp_ns is None  # those errors quote the server's packets
    # By tshark: packets 17, 20, 40 and 69 carry the first answer again.
    assert [row.response_repeats for row, _ in pairs] == [4, 4, 4, 3]


def test_the_container_sees_nothing_come(shared: Path) -> None:
    for row, under in tokens(shared / "imds-hoplimit1-js2" / "container.pcap"):
        assert (row.outcome, row.response_ttl, row.request_acknowledged, row.request_repeats) == ("no-response", None, True, 0)
        assert under.client_closed_ns is not None
        assert row.request_start_ns is not None
        assert 990 * MS < under.client_closed_ns - row.request_start_ns < 1010 * MS  # the SDK's time-out
        assert under.server_closed_ns is None


def test_where_acks_die_too_the_request_comes_again(shared: Path) -> None:
    folder = shared / "imds-hoplimit1-noack-js2"
    inside = tokens(folder / "container.pcap")
    assert [(row.request_acknowledged, row.request_repeats) for row, _ in inside] == [(False, 5), (False, 5), (False, 5), (False, 4)]
    assert all(under.client_closed_ns is None for _, under in inside)
    for row, _ in tokens(folder / "uplink.pcap"):
        # The server had it and said so: the repeats were for nothing.
        assert (row.request_acknowledged, row.stall_ns, row.response_ttl) == (True, 0, 1)
        assert row.request_repeats >= 4


def test_a_host_seen_on_all_interfaces_names_the_hop_nearest_to_the_client(shared: Path) -> None:
    rows = analysis(shared / "imds-hoplimit1-js2" / "host-any.pcap").exchanges
    answered = {row.connection_id: row.response_ttl for row in rows if row.outcome == "ok" and row.service == "imds"}
    assert answered == {8: 254, 9: 255, 10: 254, 11: 255}


def test_the_versions_of_imds(shared: Path) -> None:
    rows = analysis(shared / "imds-hoplimit2-fixed-js2" / "container.pcap").exchanges
    assert {row.imds_version for row in rows if row.service == "imds"} == {2}
    old = analysis(shared / "imds-v1-only-old-sdk-js2" / "container.pcap").exchanges
    assert {row.imds_version for row in old if row.service == "imds"} == {1}


def test_a_router_says_that_nobody_is_there(shared: Path) -> None:
    rows = analysis(shared / "imds-not-on-ec2-unreachable-js2" / "container.pcap").connections
    told = [row for row in rows if row.icmp_ns is not None]
    assert told
    assert all(row.icmp_errors and row.server_ttl is None for row in told)


@pytest.mark.parametrize("folder", ["syn-loss", "syn-loss-node"])
def test_lost_syns(folder: str, shared: Path) -> None:
    rows = analysis(next((shared / folder).glob("*.pcap*"))).connections
    for row in rows:
        if row.syn_retransmissions and row.established_ns is not None:
            assert row.syn_stall_ns is not None
            assert 990 * MS < row.syn_stall_ns < 1030 * MS
        elif not row.syn_retransmissions:
            assert row.syn_stall_ns == 0
    assert sum(row.syn_retransmissions for row in rows) == {"syn-loss": 2, "syn-loss-node": 0}[folder]


@pytest.mark.parametrize("folder", ["loss-5pct", "loopback", "request-loss", "reordering", "large-upload"])
def test_stalls_add_up_and_lie_within(folder: str, shared: Path) -> None:
    found = 0
    for row in analysis(next((shared / folder).glob("*.pcap*"))).exchanges:
        found += len(row.stalls)
        assert row.stall_ns == covered([(stall.start_ns, stall.end_ns) for stall in row.stalls])
        assert list(row.stalls) == sorted(row.stalls, key=lambda stall: stall.start_ns)
        for stall in row.stalls:
            assert row.request_start_ns is not None
            assert row.response_end_ns is not None
            assert row.request_start_ns <= stall.start_ns <= stall.end_ns <= row.response_end_ns
            assert stall.packet_id is not None
    assert (found > 0) == (folder != "large-upload")


def test_a_window_that_was_full_for_an_instant(shared: Path) -> None:
    rows = [row for row in analysis(shared / "loopback" / "loopback.pcap").exchanges if row.stalls]
    # By tshark: filled by packet 74, zero window 75, update 76.
    (stall,) = [stall for row in rows for stall in row.stalls]
    assert (stall.kind, stall.packet_id, stall.end_ns - stall.start_ns) == ("zero-window", 76, 63_504)


@pytest.mark.parametrize("folder", ["imds-ecs-task-role-boto3", "imds-ecs-task-role-js2"])
def test_a_task_and_its_agent_are_joined_on_the_bridge(folder: str, shared: Path) -> None:
    source = capture.open_captures([str(shared / folder / "bridge.pcapng")])
    pipeline = Pipeline(wants=WITHOUT_CALLS)
    for block in source.blocks():
        pipeline.feed(block)
    rows = list(pipeline.finish(source.info).exchanges)
    asked, told = join_one_way(rows, tcp.one_way(pipeline.engine.flows))[:2]
    assert (asked.service, asked.operation, asked.status, asked.outcome) == ("ecs-credentials", "GetCredentials", 200, "ok")
    assert (asked.evidence, asked.connection_id, asked.copy_of, told.connection_id, told.copy_of) == ("inferred", 0, None, 1, 0)
    # The container itself sees one connection; its clock is the bridge's.
    inside = next(row for row in analysis(shared / folder / "container.pcap").exchanges if row.service == "ecs-credentials")
    for seen, true in ((asked.request_start_ns, inside.request_start_ns), (asked.response_end_ns, inside.response_end_ns)):
        assert seen is not None
        assert true is not None
        assert abs(seen - true) < MS
    assert asked.response_bytes == inside.response_bytes
