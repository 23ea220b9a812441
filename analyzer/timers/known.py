"""The timers of kernels, resolvers, HTTP clients and middleboxes that are no part of an SDK, each with its source."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.timers.records import Timer, exact, length
from analyzer.units import MILLISECOND, SECOND, DurationNs

WHEEL = 0.125
"""Linux' timer wheel rounds long timers up by as much as an eighth (kernel/time/timer.c, `LVL_GRAN`)."""
TICKS_NS: DurationNs = 10 * MILLISECOND
"""Two ticks of the coarsest clock in use (HZ=250, and one more for the timer to be noticed)."""
ANSWER_NS: DurationNs = 300 * MILLISECOND
"""The end of a lookup that was asked again is its answer, which takes time too."""
SYN_REPEATS = 6
"""Linux sends a SYN again six times (ip-sysctl: tcp_syn_retries)."""
LINUX_SYN = "ip-sysctl: tcp_syn_retries; RFC 6298 section 2.1 (1 s, doubled)"
LINEAR_SYN = "ip-sysctl: tcp_syn_linear_timeouts (4 since Linux 6.5)"


def _syn() -> Iterator[Timer]:
    total = SECOND
    for number in range(1, SYN_REPEATS + 1):
        steps = " + ".join(f"{1 << step} s" for step in range(number))
        title = "the SYN timer (1 s)" if number == 1 else f"the SYN timer, doubled ({steps})"
        yield exact(f"syn-{number}", "syn", title, total, "Linux, macOS, Windows", LINUX_SYN, late_ns=TICKS_NS, late=WHEEL)
        total += SECOND << number
    for number in (2, 3, 4):
        title = f"the SYN timer ({number} times 1 s)"
        yield exact(f"syn-linear-{number}", "syn", title, number * SECOND, "Linux from 6.5 on", LINEAR_SYN, late_ns=TICKS_NS, late=WHEEL)


def _delayed_acks() -> Iterator[Timer]:
    linux = "include/net/tcp.h: TCP_DELACK_MIN (40 ms), TCP_DELACK_MAX (200 ms)"
    rows: tuple[tuple[str, str, int, int, str, str], ...] = (
        ("delayed-ack-40", "Linux' delayed ACK (40 ms)", 40, 15, "Linux, FreeBSD, Windows from 10 on", linux),
        ("delayed-ack-100", "the delayed ACK of macOS (100 ms)", 100, 15, "macOS, older FreeBSD", "tcp(4): net.inet.tcp.delacktime"),
        ("delayed-ack-200", "Linux' longest delayed ACK (200 ms)", 200, 20, "Linux", linux),
        ("delayed-ack-windows", "the delayed ACK of Windows (200 ms)", 200, 20, "Windows before 10", "TcpDelAckTicks (2 x 100 ms)"),
    )
    for code, title, took, late, sets, source in rows:
        yield exact(code, "delayed-ack", title, took * MILLISECOND, sets, source, late_ns=late * MILLISECOND)


def _resolvers() -> Iterator[Timer]:
    option = "resolv.conf(5): options timeout"
    rows: tuple[tuple[str, str, float, str, str], ...] = (
        ("resolver-glibc", "glibc's resolver timer (5 s)", 5, "glibc; Go's own resolver has the same", f"{option} (RES_TIMEOUT 5)"),
        ("resolver-musl", "musl's resolver timer (2.5 s)", 2.5, "musl (Alpine)", "src/network/res_msend.c: timeout / attempts"),
        ("resolver-1", "a resolver timer of 1 s (resolv.conf: timeout:1)", 1, "resolv.conf, macOS, Windows", option),
        ("resolver-2", "a resolver timer of 2 s (resolv.conf: timeout:2)", 2, "resolv.conf, c-ares from 1.20 on", option),
        ("resolver-3", "a resolver timer of 3 s (resolv.conf: timeout:3)", 3, "resolv.conf", option),
        ("resolver-4", "a resolver timer of 4 s (resolv.conf: timeout:4)", 4, "resolv.conf", option),
        ("resolver-10", "two turns of glibc's resolver timer (2 x 5 s)", 10, "glibc", f"{option} (RES_TIMEOUT 5), attempts (2)"),
    )
    for code, title, took, sets, source in rows:
        yield exact(code, "query", title, round(took * SECOND), sets, source, late_ns=ANSWER_NS, late=0.01)


def _addresses() -> Iterator[Timer]:
    rows = (
        ("address-200", 200, "curl", "CURLOPT_HAPPY_EYEBALLS_TIMEOUT_MS"),
        ("address-250", 250, "Node.js from 20 on, aiohttp, hackney", "RFC 8305 section 8 (Connection Attempt Delay)"),
        ("address-300", 300, "Go", "net.Dialer FallbackDelay; RFC 6555 section 5.5"),
    )
    for code, took, sets, source in rows:
        title = f"the head start of an address, {took} ms ({sets})"
        yield exact(code, "address", title, took * MILLISECOND, sets, source, late_ns=15 * MILLISECOND, late=0.02)


def _idle() -> Iterator[Timer]:
    rows: tuple[tuple[str, int, str, str], ...] = (
        ("idle-5", 5, "Node.js servers, Apache", "server.keepAliveTimeout; KeepAliveTimeout"),
        ("idle-60", 60, "Application Load Balancer", "ELB guide: Connection idle timeout (60 s)"),
        ("idle-75", 75, "nginx", "keepalive_timeout 75s"),
        ("idle-240", 240, "Azure's load balancer and NAT", "Azure documentation: idle timeout (4 minutes)"),
        ("idle-350", 350, "NAT gateway, Network Load Balancer, VPC endpoint", "VPC guide: NAT gateways (350 s)"),
        ("idle-600", 600, "connection tracking of firewalls", "Google Cloud: VPC firewall rules, connection tracking (10 minutes)"),
    )
    for code, took, sets, source in rows:
        title = f"a usual idle limit of {length(took * SECOND)} ({sets})"
        yield exact(code, "idle", title, took * SECOND, sets, source, late_ns=100 * MILLISECOND, late=0.004)


def _continues() -> Iterator[Timer]:
    rows = (
        ("continue-350", 350, ".NET Framework", "System.Net.ServicePoint"),
        ("continue-1000", 1000, "botocore, Ruby, Go, curl, .NET", "botocore:awsrequest.py; http.Transport ExpectContinueTimeout"),
        ("continue-3000", 3000, "Apache HttpClient (Java)", "HttpRequestExecutor.DEFAULT_WAIT_FOR_CONTINUE (3 s)"),
        ("continue-6000", 6000, "SDK for JavaScript v3", "node-http-handler: MIN_WAIT_TIME (6 s)"),
    )
    for code, took, sets, source in rows:
        title = f"the wait for 100 Continue of {sets} ({length(took * MILLISECOND)})"
        yield exact(code, "continue", title, took * MILLISECOND, sets, source, late_ns=30 * MILLISECOND, late=0.05)


SYSTEM: tuple[Timer, ...] = (*_syn(), *_delayed_acks(), *_resolvers(), *_addresses(), *_idle(), *_continues())
"""All of them."""
