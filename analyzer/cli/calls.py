"""`analyzer calls`."""

from analyzer.cli.tables import table_command

calls = table_command("calls", "Print every call of an AWS service and every dialogue with a credential endpoint, with its phases.")
