"""Redacts a capture and proves it, in one go: what `analyzer redact` does."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from analyzer.capture.output import checked_target
from analyzer.errors import AnalyzerError
from analyzer.model.analysis import Analysis
from analyzer.reading import read
from analyzer.redacting.addresses import packed
from analyzer.redacting.disguise import Disguise
from analyzer.redacting.proving import Proof, prove
from analyzer.redacting.redact import Redacted, redact


class Shared(NamedTuple):
    """What was written and what the proof found."""

    redacted: Redacted
    proof: Proof
    doubts: tuple[str, ...]
    """Sentences on what is doubtful; none where the capture can be shared."""


def share(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    services: Sequence[str] = (),
    keys: str | os.PathLike[str] | None = None,
    seed: str | None = None,
) -> Shared:
    """Write `source` without its secrets to `target`, read both and compare the answers, and search what was written for what was replaced.

    `services` and `keys` are those of `analyzer.read`; keys serve the comparison only. Captures with the same `seed` are disguised alike.
    Where something that was replaced is found, `target` is removed again. Raises CaptureError, UsageError, AnalyzerError.
    """
    checked_target(source, target)
    before = read(source, services=services, keys=keys)
    disguise = Disguise(blake2b(seed.encode()).digest()) if seed is not None else None
    redacted, disguise = redact(source, target, disguise)
    rules = [_rule(text, disguise) for text in services]
    with tempfile.TemporaryDirectory() as folder:
        log = _keys(before, keys, Path(folder))
        proof = prove(target, disguise, before, lambda: read(target, services=rules, keys=log))
    if proof.found:
        Path(target).unlink(missing_ok=True)
    return Shared(redacted, proof, tuple(_doubts(redacted, proof, disguise)))


def _doubts(redacted: Redacted, proof: Proof, disguise: Disguise) -> list[str]:
    doubts = [f"its answer differs: {one}" for one in proof.differences]
    doubts += list(proof.found)
    doubts += [f"headers of link type {number} were kept, and may name machines" for number in sorted(redacted.links)]
    if disguise.unsearched:
        doubts.append(f"{disguise.unsearched} words of many were not searched for")
    return doubts


def _keys(before: Analysis, keys: str | os.PathLike[str] | None, folder: Path) -> str | os.PathLike[str] | None:
    """Return a key log with what the original capture holds of secrets too, as the redacted one does not hold them."""
    if not before.capture.secrets:
        return keys
    named = keys if keys is not None else os.environ.get("SSLKEYLOGFILE")
    path = folder / "keys"
    try:
        other = [Path(named).read_bytes()] if named and Path(named).is_file() else []
        path.write_bytes(b"\n".join([*before.capture.secrets, *other]) + b"\n")
    except OSError as error:
        raise AnalyzerError(f"the secrets of the capture cannot be put aside to compare the answers: {error.strerror or error}") from None
    return path


def _rule(text: str, disguise: Disguise) -> str:
    """Return a rule of `--service` for what stands in place of its host."""
    name, equals, where = text.partition("=")
    host, colon, port = where.rpartition(":") if where.count(":") == 1 or (where.startswith("[") and "]:" in where) else (where, "", "")
    address = packed(host.strip("[]"))
    if address is None:
        return f"{name}{equals}{disguise.hosts.name(host.encode()).decode()}{colon}{port}"
    from ipaddress import ip_address

    new = str(ip_address(disguise.addresses.ip(address)))
    return f"{name}{equals}{f'[{new}]' if host.startswith('[') else new}{colon}{port}"
