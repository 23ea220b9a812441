"""SDKs that are told by their ClientHello alone: which, and which not."""

from __future__ import annotations

from pathlib import Path

import pytest

import analyzer
from analyzer import sdks
from analyzer.assembly import with_sdks
from analyzer.model.rows import Handshake
from tests.factory import MS, START, exchange


@pytest.mark.parametrize(
    "ja4, name",
    [
        ("t13d1812h1_85036bcba153_b26ce05bbdd6", "python-boto3"),
        ("t12d1711h1_85036bcba153_000000000000", "python-boto3"),
        ("t13d181100_85036bcba153_d41ae481755e", "python-aiobotocore"),
        ("t13d591100_a33745022dd6_dbd39dd1d406", "js"),
        ("t13d591000_a33745022dd6_1f22a2ca17c4", "js"),
        ("t13d190900_9dc949149365_97f8aa674fd9", "go"),
        ("t13d1312h2_f57a46bbacb6_ab7e3b40a677", "go"),
        ("t13d371200_db35923f8641_7c76daad20ec", "java"),
        ("t13d311200_e8f1e7e78f70_d339722ba4af", "ruby"),
        ("t13d3112h2_e8f1e7e78f70_b26ce05bbdd6", None),  # curl
        ("t13d1812h2_85036bcba153_b26ce05bbdd6", None),  # Python, and HTTP/2: none of the SDKs
        ("t13d1516h2_8daaf6152771_02713d6af862", None),  # a browser
        ("q13d1812h1_85036bcba153_b26ce05bbdd6", None),
        ("", None),
    ],
)
def test_which_sdk_a_fingerprint_shows(ja4: str, name: str | None) -> None:
    assert sdks.by_hello(ja4) == name
    assert name is None or sdks.title(name)


def test_only_unread_requests_to_aws_get_a_name() -> None:
    node = Handshake(1, START, START + MS, MS, "TLS 1.3", None, None, None, False, 1, "t13d591100_a33745022dd6_dbd39dd1d406", False)
    rows = [
        exchange(0, connection_id=1, evidence="inferred", service="dynamodb", sdk=None),
        exchange(1, connection_id=1, evidence="inferred", service=None, sdk=None),
        exchange(2, connection_id=1, evidence="decrypted", service="dynamodb", sdk=None),
        exchange(3, connection_id=2, evidence="inferred", service="dynamodb", sdk=None),
    ]
    assert [row.sdk for row in with_sdks(rows, {1: node}, sdks.by_hello)] == ["js", None, None, None]
    assert with_sdks(rows, {}, sdks.by_hello) == rows


def test_a_name_without_keys_is_the_one_that_keys_show(shared: Path) -> None:
    """Wherever a fingerprint names an SDK, its requests say the same; v2 and v3 of the SDK for JavaScript are one family."""
    compared = 0
    for keys in sorted(shared.glob("*/keys.log")):
        for capture in sorted(keys.parent.glob("*.pcap")):
            if capture.stat().st_size > 1_000_000:
                continue
            read = {row.request_packet_id: row.sdk for row in analyzer.read(capture, keys=keys).exchanges if row.evidence == "decrypted"}
            for row in analyzer.read(capture).exchanges:
                if row.sdk is None or row.evidence != "inferred" or read.get(row.request_packet_id) is None:
                    continue
                compared += 1
                assert {"js-v2": "js", "js-v3": "js"}.get(read[row.request_packet_id] or "", read[row.request_packet_id]) == row.sdk, (
                    capture
                )
    assert compared > 300
