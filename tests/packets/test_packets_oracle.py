"""Every TCP packet of real captures reads as tshark reads it."""

from __future__ import annotations

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from pathlib import Path

import pytest

from analyzer.model.seams import Packet, Segment
from analyzer.packets import Decoder
from analyzer.packets.link import LINKS

FIELDS = ("frame.number", "frame.protocols", "tcp.stream", "ip.src", "ipv6.src", "ip.dst", "ipv6.dst", "tcp.srcport", "tcp.dstport",
          "tcp.len", "tcp.seq_raw", "tcp.ack_raw", "tcp.flags", "tcp.window_size_value")  # fmt: skip
NOT_READ = {
    "pcapflowlab__mpls_pw__06_mpls_pw_eth_vlan_ipv4_tcp_cw.pcap": "tshark takes the control word for an address and finds no TCP",
}
SCENARIOS = ("any-sll1", "any-sll2", "loopback", "router-raw-ip", "snaplen-128", "imds-hoplimit1-js2")
"""Captures of the project's own whose link types, cuts or ICMP errors the public ones lack."""
Row = tuple[str, ...]


def tshark_rows(tshark: str, path: Path) -> dict[int, Row]:
    """Return the innermost TCP header of each packet that has one of its own (not one quoted in an ICMP error)."""
    command = [tshark, "-n", "-r", str(path), "-T", "fields", "-E", "occurrence=l", *(part for name in FIELDS for part in ("-e", name))]
    lines = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
    rows = {}
    for line in lines:
        number, protocols, stream, source4, source6, target4, target6, *rest = line.split("\t")
        if stream and ":icmp" not in protocols:
            inner = [name for name in protocols.split(":tcp")[0].split(":") if name in ("ip", "ipv6")][-1]
            rows[int(number)] = (source4, target4, *rest) if inner == "ip" else (source6, target6, *rest)
    return rows


def our_row(found: Segment) -> Row:
    half = (len(found.key) - 4) // 2
    source, target = (str(ip_address(found.key[at : at + half])) for at in (0, half))
    ports = (int.from_bytes(found.key[at : at + 2], "big") for at in (2 * half, 2 * half + 2))
    return (source, target, *map(str, ports), str(found.size), str(found.seq), str(found.ack), str(found.flags), str(found.window))


def same(ours: Row, theirs: Row) -> bool:
    # tshark shows twelve flag bits in hexadecimal; and no acknowledgment number in a segment without ACK of some versions.
    *start, ack, flags, window = theirs
    return ours == (*start, ack or ours[6], str(int(flags, 16) & 0xFF), window)


def our_packets(path: Path) -> tuple[dict[int, Packet], set[int]]:
    """Decode every packet of a file; also return the packets of link types that are not supported."""
    capture = pytest.importorskip("analyzer.capture")
    if not hasattr(capture, "open_captures"):
        pytest.skip("no reader of captures")
    found: dict[int, Packet] = {}
    foreign: set[int] = set()
    decoder = Decoder()
    for block in capture.open_captures([path]).blocks():
        for index in range(len(block.starts)):
            number = block.first_packet_id + index
            packet = decoder.decode(block, index)
            if packet is not None:
                found[number] = packet
            if block.link_type not in LINKS and not isinstance(packet, Segment):
                foreign.add(number)
    return found, foreign


LARGEST = 1 << 20
"""Bytes of a capture up to which it is compared packet by packet: of the kinds there are the smaller ones have all."""


def with_tcp(oracle: Path) -> bool:
    tcp = json.loads(oracle.read_text()).get("tcp")
    return bool(tcp and tcp["streams"])


def test_real_captures(shared: Path, tshark: str) -> None:
    names = [oracle.name.removesuffix(".oracle.json") for oracle in sorted((shared / "public").glob("*.oracle.json")) if with_tcp(oracle)]
    paths = [shared / "public" / name for name in names if name not in NOT_READ]
    paths += [path for scenario in SCENARIOS for path in sorted((shared / scenario).glob("*.pcap*"))]
    paths = [path for path in paths if path.stat().st_size < LARGEST]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda path: tshark_rows(tshark, path), paths))
    compared = 0
    for path, theirs in zip(paths, answers, strict=True):
        packets, foreign = our_packets(path)
        ours = {number: our_row(packet) for number, packet in packets.items() if isinstance(packet, Segment)}
        wanted = {number: row for number, row in theirs.items() if number not in foreign}
        assert ours.keys() == wanted.keys(), path.name
        for number, row in wanted.items():
            assert same(ours[number], row), (path.name, number, ours[number], row)
        compared += len(wanted)
    assert compared > 10_000
