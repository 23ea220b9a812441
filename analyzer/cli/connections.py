"""`analyzer connections`."""

from analyzer.cli.tables import table_command

connections = table_command("connections", "Print every TCP connection with its round trips, Wireshark's counts and how it ended.")
