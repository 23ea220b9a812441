"""The folder of a batch in place of a capture: which verbs answer over it, and what is said where one does not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from analyzer.errors import AnalyzerError, UsageError

INSTEAD: Final = {
    "whatif": "analyzer findings {folder} says what each fix would gain",
    "verify": "analyzer report {folder} answers over all",
    "annotate": "analyzer explain CALL {folder} tells packets and filters",
    "redact": "the tables in it hold names and addresses",
    "page": "analyzer report {folder} --format markdown answers over all",
}
"""What can be done with the folder itself, by the verb that cannot."""


def refuse_batches(names: Iterable[str], verb: str, command: str | None = None) -> None:
    """Raise UsageError where one of the names is the folder of a batch, which holds tables and no packets: `verb` needs captures.

    `command` is what is typed with a capture instead, `{capture}` in its place.
    """
    from analyzer import fleet

    for name in names:
        if name != "-" and fleet.is_batch(name):
            capture = _example(name)
            typed = (command or f"analyzer {verb} {{capture}}").format(capture=capture)
            what = "an HTML page" if verb == "page" else verb
            raise UsageError(
                f"{name} is the folder of a batch, and {what} needs its captures ({typed}); {INSTEAD[verb].format(folder=name)}"
            )


def alone(names: Sequence[str]) -> None:
    """Raise UsageError where the folder of a batch stands beside other captures."""
    from analyzer import fleet

    found = next((name for name in names if name != "-" and fleet.is_batch(name)), None)
    if found is not None and len(names) > 1:
        hint = f"analyzer batch CAPTURE... --out {found} adds to it; analyzer compare {found} CAPTURE compares"
        raise UsageError(f"{found} is the folder of a batch, which is read by itself", hint=hint)


def without_effect(name: str, *, services: Sequence[str], keys: str | None, jobs: int) -> str | None:
    """Say which options change nothing because a batch was read when it was made; None where there are none."""
    given = [option for option, value in (("--service NAME=HOST", services), ("--keys", keys), ("--jobs", jobs != 1)) if value]
    return f"{' and '.join(given)}: no effect, {name} was read when analyzer batch made it; give it there" if given else None


def _example(folder: str) -> str:
    """Return the first capture of a batch as it was named then."""
    from analyzer import fleet

    try:
        files = [file.name for file in fleet.load(folder).capture.files]
    except AnalyzerError:
        return "CAPTURE"
    return files[0] if files else "CAPTURE"
