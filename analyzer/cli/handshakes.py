"""`analyzer handshakes`."""

from analyzer.cli.tables import table_command

handshakes = table_command("handshakes", "Print every TLS handshake with version, cipher suite, resumption and round trips.")
