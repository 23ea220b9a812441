"""`--service NAME=HOST[:PORT]` that no connection fulfils is told: it is a slip, or the wrong capture."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.cli.options import unmatched
from tests.cli.program import inside as run
from tests.factory import analysis, connection, exchange


def test_a_rule_that_fits_nothing_is_a_line_that_names_what_there_is(bundled: Path) -> None:
    done = run("calls", bundled / "cold-start.pcap", "--service", "dynamodb=localhost:8000", "--limit", "1")
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert line.startswith("analyzer: warning: --service dynamodb=localhost:8000 matches no connection")
    assert line.endswith("servers here: dynamodb.us-east-1.amazonaws.com:80")


@pytest.mark.parametrize("place", ["dynamodb.us-east-1.amazonaws.com", "DynamoDB.us-east-1.amazonaws.com:80", "3.218.180.10"])
def test_a_rule_that_fits_is_quiet(bundled: Path, place: str) -> None:
    assert run("calls", bundled / "cold-start.pcap", "--service", f"dynamodb={place}", "--limit", "1").stderr == ""


def test_name_address_and_port() -> None:
    own = connection(0, server_address="fd00::1", server_name="db.local", server_port=8000, service="dynamodb")
    some = analysis(connections=[own], exchanges=[exchange(0, own, host="front.local", service="dynamodb")])
    fits = ["dynamodb=db.local", "dynamodb=db.local:8000", "dynamodb=[fd00::1]:8000", "dynamodb=FD00:0::1", "dynamodb=front.local:80"]
    assert unmatched(some, fits) == []
    said = unmatched(some, ["dynamodb=db.local:8001", "dynamodb=[fd00::2]:8000", "s3=front.local"])
    assert [text.partition(" matches")[0] for text in said] == [
        "--service dynamodb=db.local:8001", "--service dynamodb=[fd00::2]:8000", "--service s3=front.local",
    ]  # fmt: skip
    assert all(text.endswith("servers here: db.local:8000") for text in said)


def test_without_connections_or_rules_there_is_nothing_to_say() -> None:
    assert unmatched(analysis(connections=[]), ["dynamodb=localhost"]) == []
    assert unmatched(analysis(connections=[connection(0)]), []) == []
