"""Connections that are one on the wire: translated copies, and one-way halves of a translated connection."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer import capture, tcp
from analyzer.packets import LAYOUTS, Decoder
from analyzer.tcp import Flow, one_way, twins
from analyzer.tcp.twins import MOST_VIEWS
from tests.tcp.script import blocks, play, trace

BEHIND = "cli=10.0.1.50 ttl=63"
"""The same packets after masquerading."""


def flows(text: str) -> list[Flow]:
    return play(blocks(trace(text))).flows


def test_masquerading_makes_a_copy() -> None:
    text = f"0 C S 0 0 id=1\n0.1 C S 0 0 id=1 {BEHIND}\n10 S SA 0 1 {BEHIND}\n10.1 S SA 0 1\n10.2 C A 1 1\n10.3 C A 1 1 {BEHIND}"
    assert twins(flows(text)) == {1: 0}


def test_of_three_hops_both_name_the_first() -> None:
    text = ""
    for at, where in ((0, ""), (1, "cli=10.0.1.50"), (2, "cli=10.9.9.9 port=1")):
        text += f"{at} C S 0 0 {where}\n{20 - at} S SA 0 1 {where}\n"
    assert twins(flows(text)) == {1: 0, 2: 0}


def test_views_are_found_in_the_order_of_their_syns_and_not_of_their_numbers() -> None:
    # The later view comes first in the file: two interfaces, written block by block.
    text = f"0.1 C S 0 0 id=1 {BEHIND}\n0 C S 0 0 id=1\n10 S SA 0 1 {BEHIND}\n10.1 S SA 0 1"
    assert twins(flows(text)) == {0: 1}


def test_without_ip_identification_the_two_numbers_do() -> None:
    text = f"0 C S 0 0 id=1\n900 C S 0 0 id=2 {BEHIND}\n910 S SA 0 1\n911 S SA 0 1 {BEHIND}"
    assert twins(flows(text)) == {1: 0}
    assert twins(flows(text.replace("900 C", "1001 C"))) == {}


def test_other_servers_numbers_make_no_copy() -> None:
    first, second = flows(f"0 C S 0 0 id=1\n10 S SA 0 1\n0.1 C S 0 0 id=1 {BEHIND}\n11 S SA 7 1 {BEHIND}")
    assert twins([first, second]) == {}


def test_an_answer_that_one_view_lacks() -> None:
    text = f"0 C S 0 0 id=1\n0.1 C S 0 0 id=1 {BEHIND}\n10 S SA 0 1 {BEHIND}"
    assert twins(flows(text)) == {1: 0}
    # The same, and a third hop that has the answer again.
    assert twins(flows(text + "\n0.2 C S 0 0 id=1 cli=10.9.9.9\n9 S SA 0 1 cli=10.9.9.9")) == {1: 0, 2: 0}


def test_a_syn_that_nobody_answers() -> None:
    assert twins(flows(f"0 C S 0 0 id=1\n0.1 C S 0 0 id=1 {BEHIND}")) == {1: 0}
    assert twins(flows(f"0 C S 0 0 id=1 ts=77\n0.1 C S 0 0 id=2 ts=77 {BEHIND}")) == {1: 0}
    assert twins(flows(f"0 C S 0 0 id=1\n0.1 C S 0 0 id=2 {BEHIND}")) == {}
    assert twins(flows(f"0 C S 0 0 id=1\n6 C S 0 0 id=1 {BEHIND}")) == {}


def test_a_translated_server_is_a_copy_too() -> None:
    text = "0 C S 0 0 id=1 srv=169.254.170.2 to=80\n0.1 C S 0 0 id=1 srv=127.0.0.1 to=51679\n"
    assert twins(flows(text)) == {1: 0}
    assert twins(flows(text + "1 S SA 0 1 srv=127.0.0.1 to=51679\n1.1 S SA 0 1 srv=169.254.170.2 to=80")) == {1: 0}


def test_a_scan_numbers_all_its_syns_alike() -> None:
    syns = [f"0.{port:03} C S 0 0 id=1 to={port}\n" for port in range(MOST_VIEWS + 1)]
    assert twins(flows("".join(syns))) == {}
    assert twins(flows("".join(syns[:-1]))) == dict.fromkeys(range(1, MOST_VIEWS), 0)


def test_the_same_ends_again_are_another_connection() -> None:
    # A port is used again with a number of before: two connections by the rule of `tcp.stream`, and no two views.
    text = "0 C S 0 0 id=1\n1 C S 0 0 isn=777 id=2\n2 C S 0 0 id=1"
    assert len(flows(text)) == 3
    assert twins(flows(text)) == {}


ASKS = "0 C S 0 0 srv=127.0.0.1 to=51679\n0.2 C A 1 1 srv=127.0.0.1 to=51679\n1 C PA 1 1 100 srv=127.0.0.1 to=51679\n"
TELLS = "0.1 S SA 0 1 srv=169.254.170.2 to=80\n5 S PA 1 101 200 srv=169.254.170.2 to=80\n"


def test_two_halves_answer_each_other() -> None:
    made = flows(ASKS + TELLS)
    assert one_way(made) == {0: 1}
    assert twins(made) == {}
    assert one_way(flows(TELLS + ASKS)) == {1: 0}


@pytest.mark.parametrize(
    "asks, tells",
    [
        (ASKS, TELLS.replace("to=80", "to=80 cli=10.0.0.77")),  # another client
        (ASKS, TELLS.replace("SA 0 1 ", "SA 0 2 ")),  # answers another number
        (ASKS, TELLS.replace("SA 0 1 ", "SA 9 1 ")),  # its own number is not the one acknowledged
        (ASKS, TELLS + "6 C A 101 201 srv=169.254.170.2 to=80\n"),  # has both directions
        (ASKS, ""),
        ("", TELLS),
        (ASKS, TELLS.replace("0.1 S", "61000 S").replace("5 S", "62000 S")),
    ],
)
def test_what_makes_no_pair(asks: str, tells: str) -> None:
    assert one_way(flows(asks + tells)) == {}


def read(path: Path) -> list[Flow]:
    engine = tcp.Engine(
        LAYOUTS, Decoder().decode, [], lambda row: None, datagram=lambda datagram, time, packet_id: None, datagram_ports=frozenset()
    )
    for block in capture.open_captures([str(path)]).blocks():
        engine.feed(block)
    engine.finish()
    return engine.flows


@pytest.mark.parametrize("folder", ["imds-hoplimit1-js2", "imds-hoplimit1-v2required-js2"])
def test_a_host_sees_each_connection_of_its_container_twice(folder: str, shared: Path) -> None:
    host, container = read(shared / folder / "host-any.pcap"), read(shared / folder / "container.pcap")
    copies = twins(host)
    assert len(host) - len(copies) == len(container)
    kept = [flow for flow in host if flow.connection_id not in copies]
    assert [flow.client() for flow in kept] == [flow.client() for flow in container]


@pytest.mark.parametrize("folder", ["imds-ecs-task-role-boto3", "imds-ecs-task-role-js2"])
def test_a_bridge_sees_the_two_directions_of_a_task_apart(folder: str, shared: Path) -> None:
    made = read(shared / folder / "bridge.pcapng")
    assert one_way(made) == {0: 1}
    assert twins(made) == {}


def test_a_real_scan_has_no_copies(shared: Path) -> None:
    path = shared / "public" / "packets__synscan.pcapng"
    if not path.exists():
        pytest.skip("the public captures are not there")
    assert twins(read(path)) == {}
