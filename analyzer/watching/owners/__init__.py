"""Whose traffic: the process behind each local connection, from the kernel's tables, asked while the connection is young."""
