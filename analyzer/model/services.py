"""Which services hand out credentials: what is said to these is a dialogue, a call of its own, outside the totals of service calls."""

from __future__ import annotations

from typing import Final

CREDENTIAL_SERVICES: Final = frozenset({"imds", "ecs-credentials", "eks-pod-identity", "sts"})
