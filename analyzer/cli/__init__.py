"""The command line: one verb a file, loaded when it is called."""

from analyzer.cli.main import cli, main, run

__all__ = ["cli", "main", "run"]
