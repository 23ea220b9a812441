"""A real SDK against a real server, in network namespaces of our own, watched live with each engine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest

from analyzer.capture.live import choose_engine
from analyzer.errors import MissingTool
from analyzer.watching.snapshot import Seen, Snapshot
from analyzer.watching.watch import watch
from tests.live.namespaces import cable, inside, namespaces, need_root, run
from tests.live.replay import ledger, read_ledgers
from tests.live.servers import ASKS_METADATA, CLIENT, METADATA, certificate, running, wait_for_port

pytest.importorskip("boto3", reason="boto3 is not installed")
pytest.importorskip("moto", reason="moto is not installed")

SERVER = "10.99.0.2"
ROUNDS = 4
CALLS = 2 * (2 * ROUNDS + 3)
"""By HTTP and by TLS."""
ENGINES = ("dumpcap", "tcpdump", "socket")


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, Path]]:
    """A client and a server with moto on it, by HTTP (8000) and TLS (8443); and a folder with the certificate."""
    need_root()
    folder = tmp_path_factory.mktemp("hosts")
    pem, key = certificate(folder, SERVER)
    with namespaces("client", "server") as (client, server):
        cable(client, "10.99.0.1/24", server, f"{SERVER}/24")
        moto = [sys.executable, "-m", "moto.server", "-H", SERVER]
        clear = running(inside(server, *moto, "-p", "8000"))
        encrypted = running(inside(server, *moto, "-p", "8443", "-s", "-c", str(pem), "-k", str(key)))
        with clear, encrypted:
            wait_for_port(inside(client), SERVER, 8000)
            wait_for_port(inside(client), SERVER, 8443)
            yield client, server, folder


def watched(place: str, then: Callable[[], None], enough: Callable[[list[Seen]], bool], **options: object) -> tuple[list[Seen], Snapshot]:
    """Watch while something happens; return the calls and the last snapshot."""
    calls: list[Seen] = []
    last: Snapshot | None = None
    worker: Thread | None = None
    over = time.monotonic() + 40
    snapshots = watch(place, **options)  # type: ignore[arg-type]
    begun = time.monotonic()
    for snapshot in snapshots:
        if worker is None and time.monotonic() - begun > 0.8:
            worker = Thread(target=then)
            worker.start()
        calls += snapshot.new
        last = snapshot
        if enough(calls) or time.monotonic() > over:
            break
    snapshots.close()  # type: ignore[attr-defined]
    assert worker is not None
    worker.join()
    assert last is not None
    return calls, last


def need_engine(engine: str) -> None:
    try:
        choose_engine(engine)
    except MissingTool as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_watch_tells_what_the_file_tells(hosts: tuple[str, str, Path], tmp_path: Path, engine: str) -> None:
    need_engine(engine)
    client, _, folder = hosts
    keys, script, file = tmp_path / "keys.log", tmp_path / "shop.py", tmp_path / "seen.pcapng"
    script.write_text(CLIENT)
    environment = {**os.environ, "SSLKEYLOGFILE": str(keys)}
    urls = [f"http://{SERVER}:8000", f"https://{SERVER}:8443"]

    def shop() -> None:
        words = [sys.executable, str(script), str(ROUNDS), str(folder / "server.pem"), *urls]
        subprocess.run(inside(client, *words), env=environment, check=True, capture_output=True)

    rules = [f"dynamodb={SERVER}:8000", f"dynamodb={SERVER}:8443"]
    calls, last = watched("eth0", shop, lambda seen: len(seen) >= CALLS, engine=engine, netns=client, keys=keys, services=rules, write=file)
    live = sorted((ledger(seen.call, seen.spans) for seen in calls), key=repr)
    assert len(live) == CALLS
    assert live == read_ledgers(file, keys, services=rules)
    names = Counter((seen.call.evidence, seen.call.operation) for seen in calls)
    assert names["measured", "GetItem"] == names["decrypted", "GetItem"] == ROUNDS
    assert names["measured", "PutItem"] == names["decrypted", "PutItem"] == ROUNDS + 1
    assert last.dropped in (0, None)
    # Each connection lives for some milliseconds: of a busy machine not all may be told, but nothing wrong is.
    commands = [seen.call.command for seen in calls]  # type: ignore[attr-defined]
    assert set(commands) <= {f"{Path(sys.executable).name} shop.py", None}
    assert commands.count(None) <= CALLS // 2


def test_the_hop_limit_story_is_caught_by_its_trigger(tmp_path: Path) -> None:
    """The answer to the token request dies at the router between: the recorder writes what happened, and says so."""
    need_root()
    need_engine("tcpdump")
    script, server = tmp_path / "program.py", tmp_path / "metadata.py"
    script.write_text(ASKS_METADATA)
    server.write_text(METADATA)
    with namespaces("pod", "node", "cloud") as (pod, node, cloud):
        cable(pod, "10.98.1.2/24", node, "10.98.1.1/24", ("eth0", "pods"))
        cable(node, "10.98.2.1/24", cloud, "10.98.2.2/24", ("uplink", "eth0"))
        run("ip", "-n", pod, "route", "add", "default", "via", "10.98.1.1")
        run("ip", "-n", node, "route", "add", "169.254.169.254", "via", "10.98.2.2")
        run("ip", "-n", cloud, "addr", "add", "169.254.169.254/32", "dev", "lo")
        run("ip", "-n", cloud, "route", "add", "10.98.1.0/24", "via", "10.98.2.1")
        run(*inside(node, "sysctl", "-qw", "net.ipv4.ip_forward=1"))
        moto = inside(cloud, sys.executable, "-m", "moto.server", "-H", "10.98.2.2", "-p", "8000")
        with running(inside(cloud, sys.executable, str(server), "1")), running(moto):
            wait_for_port(inside(cloud), "169.254.169.254", 80)
            wait_for_port(inside(cloud), "10.98.2.2", 8000)

            def ask() -> None:
                clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
                clean |= {"HOME": str(tmp_path), "AWS_METADATA_SERVICE_NUM_ATTEMPTS": "1"}
                subprocess.run(
                    inside(pod, sys.executable, str(script), "http://10.98.2.2:8000"), env=clean, check=True, capture_output=True
                )  # fmt: skip

            calls, last = watched(
                "uplink", ask, lambda seen: any(one.call.operation == "ListTables" for one in seen), engine="tcpdump", netns=node,
                services=["dynamodb=10.98.2.2:8000"], triggers=["finding=imds-hop-limit"], record=tmp_path / "recorded",
            )  # fmt: skip
    slow = next(seen for seen in calls if seen.call.operation == "ListTables")
    assert slow.call.credentials_ns > 900_000_000
    found = {code for seen in calls for code in seen.findings}
    assert "imds-hop-limit" in found
    finding = next(one for one in last.findings if one.code == "imds-hop-limit")
    assert finding.confidence == "proven", "the answers with TTL 1 were seen at the uplink"
    written = sorted((tmp_path / "recorded").glob("*imds-hop-limit*.pcapng"))
    assert written
    beside = json.loads(written[0].with_suffix(".json").read_text())
    assert beside["trigger"] == "finding=imds-hop-limit"
    assert beside["findings"][0]["code"] == "imds-hop-limit"
