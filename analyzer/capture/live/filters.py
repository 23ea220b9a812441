"""What is captured unless something else is asked for: what AWS SDKs say, and what tells why it took so long."""

from __future__ import annotations

from collections.abc import Iterable

PORTS = (80, 443, 4566, 8000, 8080, 8443)
"""HTTP and TLS: the services, DynamoDB local (8000), LocalStack (4566), usual ports of proxies and stand-ins."""
ENDPOINTS = ("169.254.169.254", "169.254.170.2", "169.254.170.23", "fd00:ec2::254", "fd00:ec2::23")
"""Credential endpoints: IMDS, ECS, EKS Pod Identity; on whatever port a proxy of the host puts them."""
ECS_AGENT = 51679
"""Where the ECS agent answers for 169.254.170.2 (`amazon-ecs-agent`, `credentials` endpoint)."""


def usual_filter(ports: Iterable[int] = ()) -> str:
    """Return the filter for DNS, ICMP, credential endpoints and the ports of HTTP and TLS, with `ports` besides."""
    known = sorted({*PORTS, ECS_AGENT, *ports})
    parts = [*(f"tcp port {port}" for port in known), "port 53", "icmp", "icmp6", *(f"host {address}" for address in ENDPOINTS)]
    return " or ".join(parts)
