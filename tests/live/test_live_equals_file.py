"""A capture that is replayed packet by packet gives the same calls and ledgers as the file, handed out once each."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from analyzer.model.capture import CaptureInfo
from analyzer.pipeline import Pipeline
from tests.live.replay import of_file, read_ledgers, replayed, watched_ledgers
from tests.pipeline.traffic import Net, blocks

BUNDLED = sorted(path.name for path in (Path(__file__).parents[2] / "captures").glob("*.pcap*"))
SHARED = [
    ("boto3-keepalive/boto3-keepalive.pcap", "boto3-keepalive/keys.log"),
    ("cold-start-http/cold-start-http.pcap", None),
    ("filter-scan-https/filter-scan-https.pcap", "filter-scan-https/keys.log"),
    ("idle-reset-js3/idle-reset-js3.pcap", None),
    ("imds-credential-refresh-boto3/container.pcap", None),
    ("imds-credential-refresh-js3/uplink.pcap", None),
    ("imds-hoplimit1-workers/container.pcap", None),
    ("imds-not-on-ec2-blackhole-js3/container.pcap", None),
    ("imds-throttled-boto3/container.pcap", None),
    ("loss-5pct/loss-5pct.pcap", None),
    ("request-loss/request-loss.pcap", None),
    ("syn-loss-node/syn-loss-node.pcap", None),
    ("syn-loss/syn-loss.pcap", None),
    ("throttle-retry-js2/throttle-retry-js2.pcap", "throttle-retry-js2/keys.log"),
    ("throttle-retry-boto3-standard/throttle-retry-boto3-standard.pcap", "throttle-retry-boto3-standard/keys.log"),
]


@pytest.mark.parametrize("name", BUNDLED)
@pytest.mark.parametrize("size", [1, 7])
def test_bundled_captures(bundled: Path, name: str, size: int) -> None:
    done = of_file(bundled / name, size=size)
    assert done
    assert watched_ledgers(done) == read_ledgers(bundled / name)


@pytest.mark.parametrize("name,keys", SHARED)
def test_shared_captures(shared: Path, name: str, keys: str | None) -> None:
    if not (shared / name).exists():
        pytest.skip(f"{name} is not among the shared captures")
    done = of_file(shared / name, shared / keys if keys else None)
    assert done
    assert watched_ledgers(done) == read_ledgers(shared / name, shared / keys if keys else None)


def test_calls_are_handed_out_before_the_end(bundled: Path) -> None:
    """All but the last of a capture of seconds: else a live view would show nothing."""
    from analyzer import capture
    from analyzer.tls import KeyLog
    from analyzer.watching.clock import Clock
    from analyzer.watching.following import Follower
    from tests.live.replay import Steady, pieces

    steady = Steady()
    follower = Follower(Clock(steady=steady), (), KeyLog())
    early = 0
    last = None
    for block in pieces(capture.open_captures([bundled / "cold-start.pcap"]).blocks(), 3):
        steady.now += max(0, block.times[-1] - last) if last is not None else 0
        last = block.times[-1]
        follower.feed(block)
        early += len(follower.look().done)
    assert early >= 14
    assert early + len(follower.finish().done) == 20


@pytest.mark.parametrize("seed", range(12))
def test_any_traffic_gives_each_exchange_to_one_call(seed: int) -> None:
    """Hostile traffic may be told otherwise than in a file, but no exchange is in two calls, and each ledger is closed."""
    frames = Net(seed, calls=25).frames
    random = Random(seed)
    made = blocks(frames, {random.randrange(len(frames)) for _ in range(40)})
    done = replayed(made, size=9)
    numbers = [number for one in done for number in one.call.exchange_ids]
    assert len(numbers) == len(set(numbers))
    assert len({one.call.call_id for one in done}) == len(done)
    for one in done:
        assert sum(span.end_ns - span.start_ns for span in one.spans) == one.call.duration_ns
    pipeline = Pipeline()
    for block in made:
        pipeline.feed(block)
    whole = pipeline.finish(CaptureInfo())
    asked = {number for call in whole.calls for number in call.exchange_ids}
    assert asked == set(numbers)
