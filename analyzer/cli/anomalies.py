"""`analyzer anomalies`."""

from analyzer.cli.tables import table_command

anomalies = table_command("anomalies", "Print what the capture lacks and where a peer broke a rule.")
