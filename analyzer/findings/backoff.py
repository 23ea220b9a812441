"""How the SDKs pause before a retry of a throttled DynamoDB request: tells whether the pauses seen are theirs, and in which retry mode.

Sources: botocore `retries/standard.py`, `data/_retry.json` and `retryhandler.py`; aws-sdk-js `lib/services/dynamodb.js` and `lib/util.js`;
smithy-typescript `core/src/submodules/retry`; aws-sdk-go `aws/client/default_retryer.go`; aws-sdk-go-v2 `aws/retry/jitter_backoff.go`;
smithy-rs `aws-smithy-types/src/retry.rs`; aws-sdk-net `DynamoDBRetryPolicy`, `StandardRetryPolicy`; aws-sdk-ruby `plugins/retry_errors.rb`;
aws-sdk-php `RetryMiddleware.php`; ex_aws `lib/ex_aws/request.ex`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from analyzer.findings.words import sdk_name
from analyzer.units import MILLISECOND, SECOND, DurationNs, duration

SLACK_NS: DurationNs = 30 * MILLISECOND
"""What a client takes to wake up, sign and send; a pause longer by more than that was no pause of the SDK alone."""
CAP_NS: DurationNs = 20 * SECOND
"""The longest pause of every mode that has one."""


class Mode(NamedTuple):
    """A way to pause before retry n, n from 1: between `low` and `high` times 2**(n-1)."""

    name: str
    low_ns: DurationNs
    high_ns: DurationNs

    def fits(self, retry: int, pause: DurationNs) -> bool:
        """Tell whether a pause before the given retry is this mode's."""
        factor = 1 << min(retry - 1, 20)
        return min(self.low_ns * factor, CAP_NS) <= pause <= min(self.high_ns * factor, CAP_NS) + SLACK_NS

    def told(self) -> str:
        """Describe it in words."""
        if self.low_ns == self.high_ns:
            return f"{duration(self.high_ns)} before the first retry, then double"
        return f"at random up to {duration(self.high_ns)} before the first retry, then up to double"


_STANDARD = Mode("standard", 0, SECOND)
_LEGACY_PYTHON = Mode("legacy", 50 * MILLISECOND, 50 * MILLISECOND)
_PYTHON = (_LEGACY_PYTHON, _STANDARD)
MODES: dict[str, tuple[Mode, ...]] = {
    "python-boto3": _PYTHON,
    "python-botocore": _PYTHON,
    "python-aiobotocore": _PYTHON,
    "aws-cli": _PYTHON,
    "js-v2": (Mode("legacy", 0, 50 * MILLISECOND),),
    "js-v3": (Mode("standard of before 2026", 0, 500 * MILLISECOND), _STANDARD),
    "go-v1": (Mode("default", 500 * MILLISECOND, SECOND),),
    "go-v2": (Mode("standard", 0, 2 * SECOND),),
    "dotnet": (Mode("legacy", 50 * MILLISECOND, 50 * MILLISECOND), _STANDARD),
    "rust": (_STANDARD,),
    "ruby": (Mode("legacy", 0, 50 * MILLISECOND), Mode("standard", 0, 2 * SECOND)),
    "php": (Mode("legacy", 0, 100 * MILLISECOND),),
    "elixir-hackney": (Mode("default", 0, 20 * MILLISECOND),),
}
"""The narrowest first: a pause that fits it fits the wider ones too."""


class Pause(NamedTuple):
    """The time between a refused answer and the next activity."""

    retry: int
    """The retry that it came before, from 1."""
    took_ns: DurationNs


def told(sdk: str | None, pauses: Sequence[Pause]) -> str:
    """Say whether the pauses are those of the SDK's back-off, and of which mode; nothing where the SDK is unknown or made none."""
    modes = MODES.get(sdk or "")
    if not modes or not pauses:
        return ""
    name = sdk_name(sdk)
    for mode in modes:
        if all(mode.fits(*pause) for pause in pauses):
            return f"The pauses fit the back-off of {name} in {mode.name} mode ({mode.told()})."
    widest = modes[-1]
    odd = max(pauses, key=lambda pause: pause.took_ns / (1 << min(pause.retry - 1, 20)))
    if widest.high_ns * (1 << min(odd.retry - 1, 20)) + SLACK_NS < odd.took_ns:
        return (
            f"The pauses are longer than the back-off of {name} ({duration(odd.took_ns)} before retry {odd.retry}): "
            "adaptive mode, a setting, or a busy program."
        )
    return f"The pauses are not those of {name} by default: its retry settings were changed."
