"""Trace events as Perfetto and Chrome read them: `events` knows the format, `calls` and `connections` what is drawn."""
