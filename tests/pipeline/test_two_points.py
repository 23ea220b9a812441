"""Two captures of the same minute: whatever their clocks and their order, one account of the calls, proven by both."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

import analyzer
from tests.pipeline.points import HOUR, MS, OFFSETS, asked, beyond, diagnoses, is_up, ledger, moved, shifted, write
from tests.pipeline.traffic import Net

ROUTER = "192.168.7.20"
FOLDER = settings(
    max_examples=12,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # a smaller seed is no simpler capture
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@FOLDER
@given(seed=st.integers(0, 10_000), offset=st.sampled_from(OFFSETS), translated=st.booleans(), swapped=st.booleans())
def test_a_second_view_changes_no_call(tmp_path: Path, seed: int, offset: int, translated: bool, swapped: bool) -> None:
    frames = Net(seed).frames
    near = write(tmp_path / "near.pcap", frames)
    far = write(tmp_path / "far.pcap", beyond(frames, offset=offset, router=ROUTER if translated else None))
    alone = analyzer.read(near)
    both = analyzer.read([far, near] if swapped else [near, far])
    assert ledger(both) == ledger(alone)
    assert asked(both) == asked(alone)
    assert {file.name: file.clock.point for file in both.capture.files} == {str(near): int(swapped), str(far): int(not swapped)}
    assert [(row.code, row.cost_ns, row.calls) for row in both.findings] == [(row.code, row.cost_ns, row.calls) for row in alone.findings]


@FOLDER
@example(seed=1368, first=-26_756_155, second=0, translated=False)
@given(seed=st.integers(0, 10_000), first=st.integers(-HOUR, HOUR), second=st.integers(-HOUR, HOUR), translated=st.booleans())
def test_no_clock_changes_the_answer(tmp_path: Path, seed: int, first: int, second: int, translated: bool) -> None:
    frames = Net(seed).frames
    there = beyond(frames, router=ROUTER if translated else None)
    plain = analyzer.read([write(tmp_path / "near.pcap", frames), write(tmp_path / "far.pcap", there)])
    files = [write(tmp_path / "near2.pcap", shifted(frames, first)), write(tmp_path / "far2.pcap", shifted(there, second))]
    other = analyzer.read(files)
    assert ledger(other) == ledger(plain)
    assert diagnoses(other) == diagnoses(plain)
    lengths = [(one.capture.last_ns or 0) - (one.capture.first_ns or 0) for one in (other, plain)]
    assert lengths[0] == pytest.approx(lengths[1], abs=MS // 10)


def test_three_points_in_any_order(tmp_path: Path) -> None:
    frames = Net(11).frames
    middle = beyond(frames, offset=-2000 * MS)
    end = beyond(beyond(frames), offset=HOUR, router=ROUTER)
    files = [write(tmp_path / f"{name}.pcap", part) for name, part in (("near", frames), ("middle", middle), ("end", end))]
    want = ledger(analyzer.read(files[0]))
    assert len(want) > 5
    for order in permutations(files):
        found = analyzer.read(order)
        assert ledger(found) == want
        assert sorted(file.clock.point for file in found.capture.files) == [0, 1, 2]


@pytest.mark.parametrize("offset", OFFSETS)
def test_the_clock_that_was_made_up_is_found(tmp_path: Path, offset: int) -> None:
    frames = Net(5).frames
    files = [write(tmp_path / "near.pcap", frames), write(tmp_path / "far.pcap", beyond(frames, offset=offset))]
    analysis = analyzer.read(files)
    clock = analysis.capture.files[1].clock
    assert clock.ahead_ns == pytest.approx(offset, abs=1000)
    assert clock.shift_ns == (clock.ahead_ns if offset else 0)
    assert not clock.one_way
    assert clock.connections > 5
    told = analysis.capture.remarks
    assert any("agree" in text for text in told) == (not offset)
    assert any(" ahead of near.pcap's " in text and "shifted by that" in text for text in told) == (offset > 0)
    assert any(" behind near.pcap's " in text for text in told) == (offset < 0)
    assert told[-1].endswith("times are those seen nearest to the client (near.pcap), the other views only prove")


def test_the_same_file_twice_is_one_capture(tmp_path: Path) -> None:
    near = write(tmp_path / "near.pcap", Net(3).frames)
    twice = analyzer.read([near, near])
    assert ledger(twice) == ledger(analyzer.read(near))
    assert twice.capture.packets == 2 * analyzer.read(near).capture.packets
    assert twice.capture.files[1].clock.ahead_ns == 0


def test_captures_that_overlap_only_partly_hold_each_call_once(tmp_path: Path) -> None:
    frames = Net(8, lossy=False).frames
    third = len(frames) // 3
    early, late = frames[: 2 * third], beyond(frames, offset=-2000 * MS)[third:]
    both = analyzer.read([write(tmp_path / "early.pcap", early), write(tmp_path / "late.pcap", late)])
    whole = {row.invocation_id for row in analyzer.read(write(tmp_path / "all.pcap", frames)).exchanges}
    found = [row.invocation_id for row in both.exchanges if row.call_id is not None and row.attempt == 1]
    assert len(found) == len(set(found))
    assert set(found) <= whole
    assert len({row.connection_id for row in both.connections}) == len(both.connections)


@pytest.mark.parametrize("translated", [False, True])
def test_connections_that_were_open_before_either_capture(tmp_path: Path, translated: bool) -> None:
    frames = [frame for frame in Net(21, lossy=False).frames if not (frame.data[23] == 6 and frame.data[47] & 2)]
    near = write(tmp_path / "near.pcap", frames)
    far = write(tmp_path / "far.pcap", beyond(frames, offset=HOUR, router=ROUTER if translated else None))
    alone, both = analyzer.read(near), analyzer.read([far, near])
    assert all(row.syn_ns is None for row in alone.connections)
    assert len(ledger(alone)) > 5
    assert ledger(both) == ledger(alone)


def test_a_rotated_set_is_one_time_line(tmp_path: Path) -> None:
    frames = Net(4).frames
    cut = len(frames) // 3
    parts = [
        write(tmp_path / f"ring_{number:05}.pcap", frames[number * cut : (number + 1) * cut + 3 * (number == 2)]) for number in range(3)
    ]
    whole = analyzer.read(write(tmp_path / "whole.pcap", frames))
    rotated = analyzer.read(parts)
    assert [file.clock.point for file in rotated.capture.files] == [0, 0, 0]
    assert (rotated.capture.remarks, rotated.capture.notes) == ([], [])
    assert list(rotated.connections) == list(whole.connections)
    assert list(rotated.calls) == list(whole.calls)


def test_two_rotated_sets_are_two_points(tmp_path: Path) -> None:
    frames = Net(4).frames
    there = beyond(frames, offset=-2000 * MS)
    middle = len(frames) // 2
    names = {"near": frames, "far": there}
    files = [
        write(tmp_path / f"{name}_{number}.pcap", part[:middle] if number == 1 else part[middle:])
        for number in (1, 2)
        for name, part in names.items()
    ]
    found = analyzer.read(files)
    assert [file.clock.point for file in found.capture.files] == [0, 1, 0, 1]
    assert len({file.clock.shift_ns for file in found.capture.files if file.clock.point}) == 1
    assert ledger(found) == ledger(analyzer.read(write(tmp_path / "whole.pcap", frames)))


def test_the_two_directions_in_two_files_belong_together(tmp_path: Path) -> None:
    frames = Net(6).frames
    files = [
        write(tmp_path / "sent.pcap", [frame for frame in frames if is_up(frame)]),
        write(tmp_path / "received.pcap", [frame for frame in frames if not is_up(frame)]),
    ]
    found = analyzer.read(files)
    assert [file.clock.point for file in found.capture.files] == [0, 0]
    assert ledger(found) == ledger(analyzer.read(write(tmp_path / "all.pcap", sorted(frames, key=lambda one: (one.time, not is_up(one))))))


def test_captures_of_the_same_time_without_a_connection_in_both(tmp_path: Path) -> None:
    files = [write(tmp_path / f"{seed}.pcap", Net(seed).frames) for seed in (1, 2)]
    found = analyzer.read(files)
    assert found.capture.notes == ["1.pcap and 2.pcap cannot be aligned: no connection is in both"]
    assert [file.clock.ahead_ns for file in found.capture.files] == [None, None]


def test_a_pipe_is_not_compared(tmp_path: Path) -> None:
    import os
    import threading

    frames = Net(7).frames
    near, third = write(tmp_path / "near.pcap", frames), write(tmp_path / "third.pcap", beyond(frames, offset=HOUR))
    os.mkfifo(tmp_path / "pipe")
    feeder = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(write(tmp_path / "far.pcap", beyond(frames)).read_bytes()))
    feeder.start()
    found = analyzer.read([near, tmp_path / "pipe", third])
    feeder.join()
    assert [file.clock.point for file in found.capture.files] == [0, 0, 1]
    assert found.capture.notes[0] == "pipe can be read only once: clocks were not compared, and are taken to be one"
    assert len(found.calls) > 0


def test_an_answer_that_dies_between_two_points_with_the_same_addresses(tmp_path: Path, bundled: Path) -> None:
    # A router without address translation: the uplink shows the container's own addresses.
    uplink = bytearray((bundled / "imds-hop-limit-uplink.pcap").read_bytes().replace(bytes((10, 0, 1, 50)), bytes((172, 17, 0, 2))))
    (tmp_path / "uplink.pcap").write_bytes(uplink)
    near = bundled / "imds-hop-limit-container.pcap"
    alone = analyzer.read(near)
    for offset in OFFSETS:
        far = moved(tmp_path / "uplink.pcap", tmp_path / "moved.pcap", offset)
        both = analyzer.read([far, near])
        finding = next(row for row in both.findings if row.code == "imds-hop-limit")
        assert ledger(both) == ledger(alone)
        assert finding.confidence == "proven"
        assert len(both.connections) == len(alone.connections)
        assert {name.rpartition(":")[0] for name in finding.frames} == {str(near), str(far)}
        lost = [row for row in both.anomalies if row.code == "answer-lost-between"]
        assert len(lost) == 4
        assert all("passed moved.pcap at" in row.detail and "never reached imds-hop-limit-container.pcap" in row.detail for row in lost)


@pytest.mark.parametrize("offset", OFFSETS)
def test_a_container_and_its_uplink(tmp_path: Path, bundled: Path, offset: int) -> None:
    near, far = bundled / "imds-hop-limit-container.pcap", bundled / "imds-hop-limit-uplink.pcap"
    alone = analyzer.read(near)
    moved_far = moved(far, tmp_path / "uplink.pcap", offset)
    for files in ([near, moved_far], [moved_far, near]):
        both = analyzer.read(files)
        assert ledger(both) == ledger(alone)
        finding = next(row for row in both.findings if row.code == "imds-hop-limit")
        assert finding.confidence == "proven"
        assert "in uplink.pcap with TTL 1" in finding.summary
        assert {name.rpartition(":")[0] for name in finding.frames} == {str(near), str(moved_far)}
        for name, number in zip(finding.frames, finding.packet_ids, strict=True):
            assert both.frame(number) == (name.rpartition(":")[0], int(name.rpartition(":")[2]))
        assert all(row.copy_of is not None for row in both.connections if row.client_address == "10.0.1.50")


@pytest.mark.parametrize("folder", ["imds-hoplimit1-js2", "imds-hoplimit1-noack-js2", "imds-put-filtered", "imds-ipv6-imds-js3"])
def test_real_pairs_say_what_the_container_alone_says_and_more(tmp_path: Path, shared: Path, folder: str) -> None:
    near, far = shared / folder / "container.pcap", shared / folder / "uplink.pcap"
    alone = analyzer.read(near)
    both = analyzer.read([moved(far, tmp_path / "uplink.pcap", -7 * HOUR), near])
    assert ledger(both) == ledger(alone)
    codes = {row.code: row.confidence for row in both.findings}
    if folder == "imds-put-filtered":
        assert "imds-hop-limit" not in codes
        assert sum(row.code == "request-lost-between" for row in both.anomalies) == 4
    else:
        assert codes["imds-hop-limit"] == "proven"


def test_a_host_on_all_interfaces_and_its_container(shared: Path) -> None:
    folder = shared / "imds-hoplimit1-js2"
    alone = analyzer.read(folder / "container.pcap")
    for files in permutations(("container.pcap", "host-any.pcap", "bridge.pcapng")):
        both = analyzer.read([folder / name for name in files], keys=folder / "tls-keys.log")
        assert [row[0] for row in ledger(both)] == [row[0] for row in ledger(alone)]
        assert [row.duration_ns for row in both.calls] == [row.duration_ns for row in alone.calls]
        assert {row.client_address for row in both.calls} == {"172.17.0.2"}
        assert next(row.confidence for row in both.findings if row.code == "imds-hop-limit") == "proven"
