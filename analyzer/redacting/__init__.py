"""A capture -> one that can be shared, and the proof that it says the same and gives nothing away."""

from __future__ import annotations

from analyzer.redacting.proving import Proof, prove
from analyzer.redacting.redact import Redacted, redact

__all__ = ["Proof", "Redacted", "prove", "redact"]
