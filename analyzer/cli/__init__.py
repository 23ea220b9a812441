"""The command line: one verb a file, loaded when it is called."""

from analyzer.cli.main import cli, main

__all__ = ["cli", "main"]
