"""The error tree: an exception means *we cannot answer*.

    AnalyzerError            exit 2: no answer
    ├── UsageError           exit 1: the question was wrong
    ├── CaptureError         exit 2: the input cannot be read
    │   └── UnknownFormat    exit 2: the input is no capture that we know
    └── MissingTool          exit 2: a program that is needed is not installed

What a peer or a capture did wrong is a row in the anomalies table, never an exception.
"""

from __future__ import annotations


class AnalyzerError(Exception):
    """The base of every error that the tool raises on purpose; `hint` says what to do about it."""

    exit_code = 2

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(AnalyzerError, ValueError):
    """The question was wrong: an unknown column, a filter that cannot be read."""

    exit_code = 1


class CaptureError(AnalyzerError):
    """The input cannot be read: no such file, no permission, nothing in it."""


class UnknownFormat(CaptureError, ValueError):
    """The input is not a capture, or of a kind that is not supported."""


class MissingTool(AnalyzerError):
    """A program that this verb needs (tshark, dumpcap, tcpdump) is not installed."""
