"""Plots for notebooks and files: each can be drawn and saved in every form, from anything; hostile names stay text."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

import analyzer
from analyzer.errors import AnalyzerError, MissingTool, UsageError
from analyzer.model.analysis import Analysis
from analyzer.report.plots import Plot, Plots
from tests.factory import analysis, call, connection, exchange, spans
from tests.report.made import nasty, waited

NAMES = ("waterfall", "phases", "latency", "pool", "tail")


def plain_requests() -> Analysis:
    road = connection(service=None)
    return analysis([road], [exchange(0, road, service=None, operation=None)])


def formula() -> Analysis:
    rows = [call(number, operation="$\\frac{$", service="s3$") for number in range(14)]
    return analysis([connection(server_name="$x^$")], calls=rows, spans=[one for row in rows for one in spans(row)])


@pytest.fixture(scope="module")
def cold(bundled: Path) -> Analysis:
    return analyzer.read(bundled / "cold-start.pcap")


@pytest.mark.parametrize("name", NAMES)
def test_each_is_saved_in_every_form(cold: Analysis, tmp_path: Path, name: str) -> None:
    plot: Plot = getattr(Plots(cold), name)()
    for ending, start in ((".PNG", b"\x89PNG\r\n"), (".svg", b"<?xml"), (".html", b"<!doctype html>")):
        path = tmp_path / f"{name}{ending}"
        plot.save(path)
        assert path.read_bytes().startswith(start)
    assert plot._repr_png_().startswith(b"\x89PNG")
    assert f"<Plot {name}: " in repr(plot)


def test_a_part_of_a_waterfall_has_lanes_only_for_what_lies_in_it(cold: Analysis) -> None:
    def lanes(**part: float) -> list[str]:
        (axes,) = cold.plot.waterfall(**part).figure.axes
        return [label.get_text() for label in axes.get_yticklabels()]

    assert lanes() == ["stream 0", "stream 1", "stream 2", "stream 3"]
    assert lanes(until=0.8) == lanes(since=0.6, until=0.7) == ["stream 0", "stream 1"]
    # Streams 0 and 1 are open until their FIN, 4.9 s into the capture.
    assert lanes(since=4) == ["stream 0", "stream 1", "stream 2", "stream 3"]
    assert lanes(since=6) == ["stream 2", "stream 3"]
    assert not cold.plot.waterfall(since=5.5, until=6).figure.axes


def test_what_a_call_waited_for_gives_its_connection_a_lane(bundled: Path) -> None:
    # GetItem waits for credentials from 0.7 s on; its connection, stream 6, opens after 5 s.
    (axes,) = analyzer.read(bundled / "imds-hop-limit-container.pcap").plot.waterfall(since=1.8, until=2.4).figure.axes
    assert [label.get_text().split()[0] for label in axes.get_yticklabels()] == ["1", "5", "6"]


@pytest.mark.parametrize("make", [waited, nasty, formula, plain_requests, lambda: analysis([], [])])
@pytest.mark.parametrize("name", NAMES)
def test_anything_can_be_drawn(make: Callable[[], Analysis], tmp_path: Path, name: str) -> None:
    plot: Plot = getattr(Plots(make()), name)()
    path = tmp_path / "plot.svg"
    plot.save(path)
    ElementTree.parse(path)
    text = path.read_text(encoding="utf-8")
    assert "<script" not in text
    assert not {"\x1b", "\u202e"} & set(text)


def test_two_runs_draw_the_same(cold: Analysis, tmp_path: Path) -> None:
    files = []
    for number in range(2):
        path = tmp_path / f"{number}.svg"
        Plots(cold).phases().save(path)
        files.append(path.read_bytes())
    assert files[0] == files[1]


def test_text_in_a_drawing_is_that_of_the_answer(cold: Analysis, tmp_path: Path) -> None:
    path = tmp_path / "tail.svg"
    Plots(cold).tail().save(path)
    text = path.read_text(encoding="utf-8")
    for part in ("Query, slowest 3", "Query, median", "201 ms", "94.5 ms", ">connect<", ">network<"):
        assert part in text


def test_a_part_of_the_time(cold: Analysis) -> None:
    whole = Plots(cold).latency().figure.axes[0].get_xlim()
    part = Plots(cold).latency(since=1, until=2.5).figure.axes[0].get_xlim()
    assert whole[0] < 1
    assert part == (1.0, 2.5)
    assert '"since":1000000000,"until":2500000000' in Plots(cold).latency(since=1, until=2.5).html()
    with pytest.raises(UsageError, match="nothing lies between"):
        Plots(cold).pool(since=3, until=2)


def test_one_operation(cold: Analysis) -> None:
    assert "what slow ones are made of: Query" in Plots(cold).phases("Query").figure.axes[0].get_title(loc="left")
    assert '"operation":"Query"' in Plots(cold).latency("Query").html()
    with pytest.raises(UsageError, match="no operation 'Scan'") as caught:
        Plots(cold).phases("Scan")
    assert caught.value.hint == "its operations: Query"


def test_an_answer_has_its_plots(cold: Analysis) -> None:
    assert cold.plot.waterfall().figure.axes
    with pytest.raises(UsageError, match="without renderers"):
        _ = waited().plot


def test_what_cannot_be_saved(cold: Analysis, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot save a plot as '\.gif'"):
        Plots(cold).tail().save(tmp_path / "plot.gif")
    with pytest.raises(AnalyzerError, match="cannot write"):
        Plots(cold).tail().save(tmp_path / "none" / "plot.png")


def test_without_matplotlib_html_still_works(monkeypatch: pytest.MonkeyPatch, cold: Analysis, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "analyzer.report.plots_draw", None)
    monkeypatch.delattr("analyzer.report.plots_draw", raising=False)
    with pytest.raises(MissingTool, match="matplotlib is not installed"):
        Plots(cold).tail().save(tmp_path / "plot.png")
    Plots(cold).tail().save(tmp_path / "plot.html")


def test_asking_for_a_plot_imports_nothing_heavy(root: Path) -> None:
    program = (
        "import sys, analyzer; a = analyzer.read('captures/cold-start.pcap'); a.plot.tail().html(); "
        "print(sorted({'matplotlib', 'pandas', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
