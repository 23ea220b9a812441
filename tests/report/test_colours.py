"""The colours of phases can be told apart, also by those who see fewer colours, on light and on dark."""

from __future__ import annotations

from itertools import combinations

import pytest

from analyzer.report.colours import PHASE_COLOURS, PHASE_WORDS, colour_of
from analyzer.report.ledger import PHASES

Triple = tuple[float, float, float]
SIGHT: dict[str, tuple[Triple, Triple, Triple]] = {
    # Machado, Oliveira and Fernandes 2009, severity 1.0, for linear RGB.
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
}
TO_XYZ: tuple[Triple, Triple, Triple] = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
WHITE = (0.95047, 1.0, 1.08883)
LEAST_APART = 20.0
"""CIE 1976; 2.3 can just be noticed."""
LEAST_CONTRAST = 1.4
PAGES = {"light": "#ffffff", "dark": "#1a1e24"}


def linear(colour: str) -> Triple:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    r, g, b = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return r, g, b


def times(matrix: tuple[Triple, Triple, Triple], vector: Triple) -> Triple:
    a, b, c = (sum(x * y for x, y in zip(row, vector, strict=True)) for row in matrix)
    return a, b, c


def cube_root(share: float) -> float:
    """Return the cube root, near zero the straight line of CIE 1976."""
    return share ** (1 / 3) if share > (6 / 29) ** 3 else share / (3 * (6 / 29) ** 2) + 4 / 29


def lab(colour: str, sight: str) -> Triple:
    r, g, b = times(SIGHT[sight], linear(colour))
    xyz = times(TO_XYZ, (min(1, max(0, r)), min(1, max(0, g)), min(1, max(0, b))))
    x, y, z = (cube_root(part / white) for part, white in zip(xyz, WHITE, strict=True))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


@pytest.mark.parametrize("sight", SIGHT)
def test_any_two_phases_can_be_told_apart(sight: str) -> None:
    apart = {
        pair: sum((a - b) ** 2 for a, b in zip(lab(PHASE_COLOURS[pair[0]], sight), lab(PHASE_COLOURS[pair[1]], sight), strict=True)) ** 0.5
        for pair in combinations(PHASES, 2)
    }
    assert {pair: distance for pair, distance in apart.items() if distance < LEAST_APART} == {}


@pytest.mark.parametrize("page", PAGES)
def test_each_stands_out_from_the_page(page: str) -> None:
    def light(colour: str) -> float:
        return times(TO_XYZ, linear(colour))[1]

    for phase, colour in PHASE_COLOURS.items():
        low, high = sorted((light(colour), light(PAGES[page])))
        assert (high + 0.05) / (low + 0.05) >= LEAST_CONTRAST, phase


def test_every_phase_has_a_colour_and_words() -> None:
    assert tuple(PHASE_COLOURS) == PHASES
    assert tuple(PHASE_WORDS) == PHASES


def test_bars_are_coloured_by_their_label() -> None:
    assert colour_of("- server") == PHASE_COLOURS["server"]
    assert colour_of("2 credentials 1") == PHASE_COLOURS["credentials"]
    assert colour_of("- pause") == PHASE_COLOURS["backoff"]
    assert colour_of("1 something else") == PHASE_COLOURS["client"]
