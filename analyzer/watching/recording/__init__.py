"""The flight recorder: recent packets are kept, and those around a call that a trigger names are written down."""

from analyzer.watching.recording.recorder import Recorder, Where
from analyzer.watching.recording.triggers import Trigger, read_trigger
from analyzer.watching.recording.writing import Writer

__all__ = ["Recorder", "Trigger", "Where", "Writer", "read_trigger"]
