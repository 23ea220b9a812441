"""Single packets: what is understood is written, all else is zeros, whatever carries it."""

from __future__ import annotations

from pathlib import Path
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.model.seams import Segment
from analyzer.packets import Decoder
from analyzer.packets.link import LINKS
from analyzer.redacting import checksums, redact
from analyzer.redacting.disguise import Disguise
from analyzer.redacting.dnsmessages import DnsMessages
from analyzer.redacting.packets import Packets
from analyzer.redacting.plans import Direction, Plans
from tests.capture.writer import pcap, read, save
from tests.packets.frames import A4, A6, B4, B6, TO_KEY4, TO_KEY6, block, ether, ip4, ip6, tcp, udp

DATA = b"an attribute that nobody may see"


def disguised(packet: bytes, link_type: int = 1, *, wire: int | None = None, plans: Plans | None = None) -> bytes:
    made = Packets(Disguise(b"key"), plans or Plans(), {}).packet(block(packet, link_type=link_type, wire=[wire] if wire else None), 0)
    assert len(made) == len(packet)
    return made


def test_a_segment_nobody_read_becomes_zeros() -> None:
    made = disguised(ether(0x0800, ip4(tcp(DATA))))
    assert made.endswith(bytes(len(DATA)))
    found = Decoder().decode(block(made), 0)
    assert isinstance(found, Segment)
    assert (found.seq, found.ack, found.size, found.window) == (0x01020304, 0x05060708, len(DATA), 501)
    addresses = Disguise(b"key").addresses
    assert found.key[:8] == addresses.ip(A4) + addresses.ip(B4) != A4 + B4
    assert checksums.total(made[14:34]) == 0xFFFF
    assert checksums.total(checksums.pseudo(found.key[:8], 6, len(made) - 34) + made[34:]) == 0xFFFF


@pytest.mark.parametrize("name", sorted({**TO_KEY4, **TO_KEY6}))
def test_every_encapsulation_leads_to_the_same_segment(name: str) -> None:
    link_type, packet = {**TO_KEY4, **TO_KEY6}[name]
    before = Decoder().decode(block(packet, link_type=link_type), 0)
    after = Decoder().decode(block(disguised(packet, link_type), link_type=link_type), 0)
    assert isinstance(before, Segment)
    assert isinstance(after, Segment)
    assert (after.seq, after.ack, after.flags, after.size, after.options, after.ttl, after.ip_id) == (
        before.seq, before.ack, before.flags, before.size, before.options, before.ttl, before.ip_id,
    )  # fmt: skip
    assert after.key != before.key
    assert after.data[after.start : after.start + after.captured] == bytes(after.captured)


@pytest.mark.parametrize("link_type", sorted(LINKS))
@given(data=st.binary(max_size=120))
def test_no_bytes_are_too_odd(link_type: int, data: bytes) -> None:
    disguised(data, link_type)


def test_a_cut_packet_keeps_a_checksum_that_fits_what_is_missing() -> None:
    body = tcp(bytes(40))
    summed = checksums.of(checksums.pseudo(A4 + B4, 6, len(body)) + body)
    whole = ether(0x0800, ip4(body[:16] + pack(">H", summed) + body[18:]))
    made = disguised(whole[:-20], wire=len(whole))
    again = made + bytes(20)  # what was cut were zeros
    assert checksums.total(checksums.pseudo(made[26:34], 6, len(body)) + again[34:]) == 0xFFFF


def test_padding_and_unknown_protocols_become_zeros() -> None:
    assert DATA not in disguised(ether(0x0800, ip4(tcp(b""))) + DATA)
    assert disguised(ether(0x88CC, DATA)).endswith(bytes(len(DATA)))
    assert disguised(ether(0x0800, ip4(DATA, 132))).endswith(bytes(len(DATA)))
    assert disguised(ether(0x0800, ip4(udp(DATA, target=9999), 17))).endswith(bytes(len(DATA)))
    assert set(disguised(ether(0x0800, ip4(b"\1" * 12 + b"\2" + DATA)))[34:]) == {0, 2}, "no TCP header begins like this"
    assert disguised(ether(0x0800, ip4(b"\x08\0\0\0\0\1\0\1" + DATA, 1))).endswith(bytes(len(DATA)))
    assert disguised(DATA, 9999) == bytes(len(DATA))


def test_an_error_quotes_the_disguised_packet() -> None:
    for packet, at, ends in (
        (ether(0x0800, ip4(b"\x03\1\0\0\0\0\0\0" + ip4(tcp(DATA)), 1)), 14 + 20 + 8 + 12, A4 + B4),
        (ether(0x86DD, ip6(b"\1\4\0\0\0\0\0\0" + ip6(tcp(DATA)), 58)), 14 + 40 + 8 + 8, A6 + B6),
    ):
        made = disguised(packet)
        outer = made[26:34] if len(ends) == 8 else made[22:54]
        assert made[at : at + len(ends)] == outer != ends
        assert DATA not in made
        assert made[at + len(ends) : at + len(ends) + 8] == tcp()[:8]


def test_arp_names_the_same_machines() -> None:
    arp = bytes.fromhex("0001080006040001") + bytes.fromhex("0a58c2416e2b") + A4 + bytes(6) + B4
    made = disguised(ether(0x0806, arp))
    addresses = Disguise(b"key").addresses
    assert made[14 + 8 : 14 + 18] == addresses.mac(bytes.fromhex("0a58c2416e2b")) + addresses.ip(A4)
    assert made[14 + 24 : 14 + 28] == addresses.ip(B4)


def name(*labels: bytes) -> bytes:
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def test_dns_keeps_its_form() -> None:
    question = name(b"ledger", b"Acme", b"com") + pack(">HH", 1, 1)
    record = b"\xc0\x0c" + pack(">HHIH", 1, 1, 60, 4) + A4
    alias = b"\xc0\x0c" + pack(">HHIH", 5, 1, 60, 9) + b"\x06vault1\xc0\x13"
    text = b"\xc0\x0c" + pack(">HHIH", 16, 1, 60, 7) + b"\x06secret"
    message = pack(">HHHHHH", 7, 0x8180, 1, 3, 0, 0) + question + record + alias + text
    disguise = Disguise(b"key")
    made = DnsMessages(disguise).message(message)
    assert len(made) == len(message)
    for word in (b"ledger", b"Acme", b"acme", b"vault", b"secret", A4):
        assert word not in made
    label = disguise.label
    assert made[12 : 12 + len(question)] == name(label(b"ledger"), label(b"Acme"), b"com") + pack(">HH", 1, 1)
    assert disguise.addresses.ip(A4) in made
    assert made.count(b"\xc0\x0c") == 3


@given(st.binary(max_size=200))
def test_any_dns_message_keeps_its_length(data: bytes) -> None:
    messages = DnsMessages(Disguise(b"key"))
    assert len(messages.message(data)) == len(messages.framed(data)) == len(data)


def test_fragments_are_disguised_as_a_whole(tmp_path: Path) -> None:
    query = pack(">HHHHHH", 7, 0x0100, 1, 0, 0, 0) + name(b"ledger", b"acme", b"com") + pack(">HH", 1, 1)
    datagram = udp(query + bytes(-len(query) % 8))
    frames = [ether(0x0800, ip4(datagram[:16], 17, place=0x2000)), ether(0x0800, ip4(datagram[16:], 17, place=2))]
    for order in (frames, frames[::-1]):
        source = save(tmp_path, pcap(list(enumerate(order))))
        _, disguise = redact(source, tmp_path / "out.pcapng", Disguise(b"key"))
        pieces = [row.data[34:] for row in read(tmp_path / "out.pcapng").rows]
        whole = b"".join(pieces if order is frames else pieces[::-1])
        assert whole[8 : 8 + len(query)] == DnsMessages(disguise).message(query)
        assert b"ledger" not in whole


def test_a_plan_serves_repeats_overlaps_and_wrapping_sequence_numbers() -> None:
    direction = Direction(1)
    direction.base = 0xFFFFFFF0
    direction.put(0, b"HEADHEADHEAD")
    direction.put(20, b"tail")
    assert direction.payload(0xFFFFFFF0, b"x" * 24) == b"HEADHEADHEAD" + bytes(8) + b"tail"
    assert direction.payload(0xFFFFFFF4, b"x" * 4) == b"HEAD"
    assert direction.payload(2, b"x" * 8) == bytes(2) + b"tail"[:4] + bytes(2)
    assert direction.payload(0xFFFFFFE0, b"x" * 20) == bytes(16) + b"HEAD"
    direction.keep(22, 26)
    assert direction.payload(4, b"x" * 6) == b"tailxx"


def test_options_that_nobody_knows_hold_zeros() -> None:
    secret = b"HUSHMAK8"
    options = b"\2\4\5\xb4\1\3\3\7" + b"\xfe\x0a" + secret + b"\0" + b"HUSH" + b"\0"
    segment = tcp(b"")[:12] + bytes(((20 + len(options)) // 4 << 4, 2)) + tcp(b"")[14:20] + options
    options_4 = bytearray(ip4(bytes(0)))
    options_4[0] = 0x48
    options_4[2:4] = (32 + len(segment)).to_bytes(2, "big")
    packet = ether(0x0800, bytes(options_4) + b"\x86\x0aHUSHMAK8\0\0" + segment)
    made = disguised(packet)
    assert b"HUSH" not in made
    assert made[66:76] == options[:8] + b"\xfe\x0a"
    header = b"\x06\0\1\4HUSH"
    made = disguised(ether(0x86DD, ip6(header + segment, 0)))
    assert made[54:62] == b"\x06\0\1\4\0\0\0\0"
    assert b"HUSH" not in made
    authentication = b"\x06\4\0\0\0\0\0\1\0\0\0\2" + b"HUSHHUSHHUSH"
    assert b"HUSH" not in disguised(ether(0x0800, ip4(authentication + segment, 51)))
    quoted = disguised(ether(0x0800, ip4(b"\x03\1\0\0\0\0\0\0" + ip4(segment), 1)))
    assert b"HUSH" not in quoted


def test_link_local_addresses_follow_the_interface() -> None:
    addresses = Disguise(b"key").addresses
    mac, asked = bytes.fromhex("001122334455"), bytes.fromhex("fe80000000000000021122fffe334466")
    link = addresses.mac(mac)
    source = bytes.fromhex("fe80000000000000021122fffe334455")
    assert addresses.ip(source) == source[:8] + bytes((link[0] ^ 2,)) + link[1:3] + b"\xff\xfe" + link[3:]
    group = bytes.fromhex("ff0200000000000000000001ff334466")
    question = b"\x87\0\0\0\0\0\0\0" + asked + b"\1\1" + mac
    body = pack(">IHBB", 6 << 28, len(question), 58, 255) + source + group + question
    made = disguised(bytes.fromhex("3333ff334466") + mac + b"\x86\xdd" + body)
    end = addresses.ip(asked)[13:]
    assert end != asked[13:]
    assert made[:6] == b"\x33\x33\xff" + end
    assert made[38:54] == group[:13] + end
    assert made[62:78] == addresses.ip(asked)
    assert mac[3:] not in made
    for kept in ("fe80000000000000 00000000a9fea9fe", "fd000ec2000000000000000000000254", "fe800000000000000000000000000001"):
        assert addresses.is_kept(bytes.fromhex(kept))
