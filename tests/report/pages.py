"""Report pages written to files, and what tests ask of a page in the browser."""

from __future__ import annotations

from pathlib import Path

from analyzer.model.analysis import Analysis
from analyzer.report.page import HtmlRenderer
from tests.report.browser import Page

COLOURS = """
(canvas => {
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data, seen = new Set();
  for (let at = 0; at < data.length; at += 4)
    if (data[at + 3] > 200) seen.add((data[at] << 16) | (data[at + 1] << 8) | data[at + 2]);
  return seen.size;
})(document.querySelector('#NAME-chart canvas'))
"""
PLACE = """
(element => {
  const box = element.getBoundingClientRect(), chart = echarts.getInstanceByDom(element);
  const [x, y] = chart.convertToPixel({xAxisIndex: 0, yAxisIndex: 0}, [AT_X, AT_Y]);
  return [box.left + x, box.top + y];
})(document.getElementById('NAME-chart'))
"""


def written(about: Analysis, folder: Path, **options: str) -> Path:
    path = folder / "report.html"
    path.write_text("".join(HtmlRenderer(names=("a b.pcap",), **options).render(about)), encoding="utf-8")  # type: ignore[arg-type]
    return path


def seen(page: Page, name: str) -> int:
    """Scroll to a chart; how many colours its canvas shows."""
    page.run(f"document.getElementById('{name}').scrollIntoView({{behavior: 'instant'}})")
    page.wait(f"document.querySelector('#{name}-chart canvas')")
    page.frame()
    colours: int = page.run(COLOURS.replace("NAME", name))
    return colours


def window(page: Page, name: str = "waterfall") -> tuple[float, float]:
    zoom = f"echarts.getInstanceByDom(document.getElementById('{name}-chart')).getOption().dataZoom[0]"
    start, end = page.run(f"[{zoom}.startValue, {zoom}.endValue]")
    return start, end


def place_of(page: Page, chart: str, x: float, y: float) -> tuple[float, float]:
    """Where a point of a chart is in the window."""
    page.run(f"document.getElementById('{chart}-chart').scrollIntoView({{behavior: 'instant', block: 'center'}})")
    page.frame()
    left, top = page.run(PLACE.replace("NAME", chart).replace("AT_X", str(x)).replace("AT_Y", str(y)))
    return left, top


def chosen(page: Page) -> str:
    text: str = page.run("document.querySelector('#detail h3')?.textContent || ''")
    return text
