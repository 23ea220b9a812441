"""What-if: the calls replayed with a cause removed, one change a file.

A call is a row of parts, its spans, each with a length. A change maps parts to new lengths (at least, likely, at most), takes calls out, or
puts a wait before one. Changes follow each other in one order, each on what the one before it left, so that no nanosecond is removed twice.
"""

from analyzer.findings.whatif.replay import replay, worthwhile

__all__ = ["replay", "worthwhile"]
