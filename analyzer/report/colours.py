"""One colour for each phase, the same in every picture: the report page, notebook cards, plots.

Chosen so that any two differ by at least 20 (CIE 1976 Lab) for normal sight and, by the matrices of Machado, Oliveira and Fernandes (2009,
severity 1.0), for protanopia and deuteranopia, and so that each stands out from a white and from a dark page. No picture tells by colour
alone: what is coloured has a label, a tooltip or a line in a table.
"""

from __future__ import annotations

from analyzer.report.ledger import PHASES

PHASE_COLOURS = {
    "credentials": "#713de4",
    "dns": "#bec459",
    "connect": "#4db166",
    "tls": "#2fd3d3",
    "client": "#9b8e8c",
    "send": "#768afb",
    "stall": "#a0292a",
    "network": "#1554a9",
    "server": "#ffbf2d",
    "wait": "#387da9",
    "receive": "#9bb7ff",
    "failed": "#ca4111",
    "backoff": "#dcdcb8",
    "unexplained": "#654f5f",
}
"""Colour of each of PHASES."""

PHASE_WORDS = {
    "credentials": "waiting for credentials",
    "dns": "name lookup",
    "connect": "TCP handshake",
    "tls": "TLS handshake",
    "client": "the program's own time, nothing outstanding on the wire",
    "send": "the request, first to last byte",
    "stall": "of the wait: repairing losses",
    "network": "of the wait: one round trip to the server and back",
    "server": "of the wait: the service itself",
    "wait": "waiting, network and server cannot be told apart",
    "receive": "the answer, first to last byte",
    "failed": "attempts that were followed by another",
    "backoff": "pause before another attempt",
    "unexplained": "what no rule can name",
}
"""What each phase is, in a few words, for legends."""


def colour_of(label: str) -> str:
    """Return the colour of a bar by its label, which names its phase among other words (`2 - server`, `credentials 1`)."""
    phase = next((word for word in label.split() if word in PHASE_COLOURS), None)
    return PHASE_COLOURS[phase if phase is not None else "backoff" if "pause" in label else "client"]


assert tuple(PHASE_COLOURS) == PHASES
