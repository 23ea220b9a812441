"""How a watch looks: a line a call for logs and pipes, and a live view for a terminal."""
