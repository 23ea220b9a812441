"""An answer as one HTML page: no network, a strict content security policy, everything from packets escaped."""

from analyzer.report.page.renderer import HtmlRenderer

__all__ = ["HtmlRenderer"]
