"""Watching traffic while it happens: calls as they end, with their ledgers, from an interface or a pipe."""
