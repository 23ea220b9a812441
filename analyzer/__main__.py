"""`python -m analyzer`."""

from analyzer.cli.main import run

run()
