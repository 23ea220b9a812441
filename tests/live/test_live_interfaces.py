"""Interfaces that come and go, rights that are missing, and metrics: what happens to a watch that lives long."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path
from time import monotonic

import pytest

from analyzer.capture.live import ENGINES, Live, Wanted, choose_engine
from analyzer.errors import MissingTool, UsageError
from analyzer.model.rows import Anomaly
from analyzer.watching.metrics import Metrics, read_address
from analyzer.watching.session import Session, Wishes
from tests.live.namespaces import cable, inside, namespaces, need_root, run

PING = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('10.97.0.2', 9))"


@pytest.mark.parametrize("engine", ENGINES)
def test_an_interface_that_goes_away_and_comes_back_is_an_anomaly_and_no_end(engine: str) -> None:
    need_root()
    try:
        choose_engine(engine)
    except MissingTool as error:
        pytest.skip(str(error))
    with namespaces("here", "there") as (here, there):
        cable(here, "10.97.0.1/24", there, "10.97.0.2/24")
        told: list[Anomaly] = []
        live = Live(Wanted("eth0", "udp port 9", f"/run/netns/{here}"), engine, told.append)
        seen: list[int] = []
        step = 0
        over = monotonic() + 25

        def codes() -> list[str]:
            return [row.code for row in told]

        import threading

        reading = threading.Thread(target=lambda: seen.extend(number for block in live.blocks() for number in ids(block)))
        reading.start()
        try:
            while monotonic() < over and step < 4:
                if step in (0, 3):
                    run(*inside(here, sys.executable, "-c", PING))
                if step == 0 and seen:
                    run("ip", "-n", here, "link", "del", "eth0")
                    step = 1
                elif step == 1 and "interface-gone" in codes():
                    cable(here, "10.97.0.1/24", there, "10.97.0.2/24")
                    step = 2
                elif step == 2 and "interface-back" in codes():
                    before = len(seen)
                    step = 3
                elif step == 3 and len(seen) > before:
                    step = 4
        finally:
            live.stop()
            reading.join(10)
    assert step == 4, f"stopped at step {step}: {codes()}"
    assert seen == sorted(set(seen)), "packets are numbered through"
    assert live.drops() in (0, None)


def ids(block: object) -> list[int]:
    first: int = block.first_packet_id  # type: ignore[attr-defined]
    return [first + at for at in range(len(block.times))]  # type: ignore[attr-defined]


@pytest.mark.parametrize("engine", ENGINES)
def test_without_rights_one_message_says_what_to_do(engine: str) -> None:
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("giving up rights needs root and setpriv")
    program = f"""
import sys
from analyzer.cli import main
sys.exit(main(["watch", "-i", "lo", "--engine", "{engine}", "--plain"]))
"""
    drop = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    try:
        choose_engine(engine)
    except MissingTool as error:
        pytest.skip(str(error))
    done = subprocess.run([*drop, sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "no permission to capture on lo" in done.stderr
    assert "hint: run it with sudo" in done.stderr
    assert "Traceback" not in done.stderr


class Replay:
    """A capture as a source."""

    name, engine = "replay", "pipe"

    def __init__(self, path: Path) -> None:
        from analyzer import capture

        self._capture = capture.open_captures([path])
        self.info = self._capture.info
        self.blocks = self._capture.blocks

    def stop(self) -> None:
        pass

    def drops(self) -> int:
        return 3


def test_metrics_say_what_was_seen(bundled: Path) -> None:
    pytest.importorskip("prometheus_client", reason="prometheus-client is not installed")
    metrics = Metrics("0")
    try:
        assert metrics.url.startswith("http://127.0.0.1:")
        session = Session(lambda emit: Replay(bundled / "imds-hop-limit-container.pcap"), Wishes(), live=False)
        for snapshot in session.snapshots():
            metrics.take(snapshot)
        with urllib.request.urlopen(metrics.url) as answer:
            said = answer.read().decode()
    finally:
        metrics.close()
    values = {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in said.splitlines() if not line.startswith("#")}
    one = 'operation="GetItem",service="dynamodb"'
    assert values[f"analyzer_call_duration_seconds_count{{{one}}}"] == 3
    assert values[f"analyzer_credential_wait_seconds_total{{{one}}}"] == pytest.approx(4.347, abs=0.001)
    assert values['analyzer_credential_dialogues_total{outcome="ok",service="imds"}'] == 1
    assert values["analyzer_dropped_packets"] == 3
    phases = sum(value for name, value in values.items() if name.startswith("analyzer_call_phase_seconds_sum"))
    whole = sum(value for name, value in values.items() if name.startswith("analyzer_call_duration_seconds_sum"))
    assert phases == pytest.approx(whole)


@pytest.mark.parametrize("text,found", [("9464", ("127.0.0.1", 9464)), ("0.0.0.0:1", ("0.0.0.0", 1)), ("[::1]:80", ("::1", 80))])
def test_addresses(text: str, found: tuple[str, int]) -> None:
    assert read_address(text) == found


@pytest.mark.parametrize("text", ["", "x", "host:", ":80", "1:99999"])
def test_addresses_that_cannot_be_read(text: str) -> None:
    with pytest.raises(UsageError):
        read_address(text)
