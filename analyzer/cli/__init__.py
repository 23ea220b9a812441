"""The command line: one verb a file, loaded when it is called."""

try:
    from analyzer.cli.main import cli, main, run
except KeyboardInterrupt:  # while it starts: there is nothing to unwind yet
    import os

    os.write(2, b"interrupted\n")
    os._exit(130)

__all__ = ["cli", "main", "run"]
