"""dnspython as a slow twin: under mutation nothing raises, and where both read a message they agree."""

from __future__ import annotations

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from analyzer.dns import parse
from analyzer.dns._name import MAX_TEXT, label_text


def _messages() -> list[bytes]:
    query = dns.message.make_query("dynamodb.us-east-1.amazonaws.com.", "A", use_edns=0, id=4097)
    answer = dns.message.make_response(query)
    answer.answer.append(dns.rrset.from_text("dynamodb.us-east-1.amazonaws.com.", 5, "IN", "A", "3.218.180.10", "3.218.180.11"))
    alias = dns.message.make_response(dns.message.make_query("s3.Example.com.", "AAAA", id=4098))
    alias.answer.append(dns.rrset.from_text("s3.example.com.", 60, "IN", "CNAME", "s3-w.us-east-1.example.com."))
    alias.answer.append(dns.rrset.from_text("s3-w.us-east-1.example.com.", 5, "IN", "AAAA", "2600:1f18::1", "2600:1f18::2"))
    missing = dns.message.make_response(dns.message.make_query("nope.ec2.internal.", "A", use_edns=0, id=4099))
    missing.set_rcode(dns.rcode.NXDOMAIN)
    missing.authority.append(dns.rrset.from_text("internal.", 60, "IN", "SOA", "a. b. 1 2 3 4 5"))
    bad = dns.message.make_response(dns.message.make_query("x.example.", "TXT", use_edns=0, id=4100))
    bad.set_rcode(dns.rcode.BADVERS)
    return [message.to_wire() for message in (query, answer, alias, missing, bad)]


SEEDS = _messages()


def _text(name: dns.name.Name) -> str:
    return ".".join(label_text(label) for label in name.labels if label)[:MAX_TEXT] or "."


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data) - 1))
        kind = draw(st.sampled_from(("set", "insert", "delete", "pointer")))
        if kind == "set":
            data[at] = draw(st.integers(0, 255))
        elif kind == "insert":
            data[at:at] = draw(st.binary(max_size=4))
        elif kind == "delete" and len(data) > 14:
            del data[at : at + draw(st.integers(1, 3))]
        else:
            data[at : at + 2] = bytes([0xC0, draw(st.integers(0, 255))])
    return bytes(data)


@given(data=mutated(), pad=st.binary(max_size=20))
@example(data=SEEDS[0], pad=b"")
@example(data=SEEDS[1], pad=b"\0" * 20)
@example(data=SEEDS[2], pad=b"")
@example(data=SEEDS[3], pad=b"")
@example(data=SEEDS[4], pad=b"")
def test_both_agree_where_both_read(data: bytes, pad: bytes) -> None:
    mine = parse(pad + data + pad, len(pad), len(pad) + len(data))
    try:
        theirs = dns.message.from_wire(data, one_rr_per_rrset=True, ignore_trailing=True)
    except (dns.exception.DNSException, ValueError):
        return
    if mine is None or theirs.opcode() != dns.opcode.QUERY or len(theirs.question) != 1:
        return
    question = theirs.question[0]
    assert mine.id == theirs.id
    assert mine.is_response == bool(theirs.flags & dns.flags.QR)
    assert mine.truncated == (bool(theirs.flags & dns.flags.TC) and mine.is_response)
    assert mine.name == _text(question.name)
    if not mine.type.startswith("TYPE"):
        assert mine.type == dns.rdatatype.to_text(question.rdtype)
    if mine.is_response:
        number = theirs.rcode()
        assert mine.rcode == (dns.rcode.to_text(number) if not dns.rcode.to_text(number).isdigit() else f"RCODE{number:d}")
    kinds = (dns.rdatatype.A, dns.rdatatype.AAAA)
    addresses = [rdata.address for rrset in theirs.answer for rdata in rrset if rrset.rdclass == 1 and rrset.rdtype in kinds]
    assert [_address(value) for _, _, _, value in mine.answers if isinstance(value, bytes) and value] == addresses


def _address(value: bytes) -> str:
    import dns.ipv4
    import dns.ipv6

    return str(dns.ipv4.inet_ntoa(value) if len(value) == 4 else dns.ipv6.inet_ntoa(value))


@given(data=st.binary(max_size=200), cut=st.integers(0, 200))
def test_no_bytes_raise(data: bytes, cut: int) -> None:
    parse(data, 0, len(data))
    parse(data, 0, min(cut, len(data)), len(data))


@pytest.mark.parametrize("seed", SEEDS, ids=["query", "answer", "alias", "missing", "bad"])  # bytes differ: dnspython shuffles records
def test_the_seeds_are_read(seed: bytes) -> None:
    assert parse(seed, 0, len(seed)) is not None
