"""The order of what is done within one packet, which all processes that share a capture keep (`model.sharing.Moment`)."""

from __future__ import annotations

from typing import Final

ENDING: Final = 0
CLEARING: Final = 1
TAKING: Final = 2
"""Steps, in their order: its predecessor on the same endpoints ends, others are let go, it is taken itself."""
USUAL: Final = (TAKING, 0, 0)
AFTER_ALL: Final = 1 << 62
"""Stands for a packet behind the last one."""
