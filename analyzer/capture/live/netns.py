"""Network namespaces: capturing where a container's interfaces are (setns(2), network_namespaces(7))."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from analyzer.errors import CaptureError

CLONE_NEWNET = 0x40000000
NAMED = Path("/run/netns")
"""Where `ip netns add` keeps the namespaces that have names."""
OWN = "/proc/thread-self/ns/net"


def find_namespace(asked: str) -> str:
    """Return the path of a network namespace, named by `ip netns`, by a process id in it, or by its path. Raises CaptureError."""
    if asked.isdigit():
        path = Path(f"/proc/{asked}/ns/net")
        what = f"there is no process {asked}"
    else:
        path = Path(asked) if "/" in asked else NAMED / asked
        what = f"there is no network namespace {asked}"
    try:
        with path.open("rb"):
            pass
    except PermissionError:
        raise CaptureError(f"no permission to enter the network namespace of {asked}", hint="run it as root") from None
    except OSError:
        hint = "ip netns list names those with names; else give the id of a process in it (docker inspect -f '{{.State.Pid}}' NAME)"
        raise CaptureError(what, hint=hint) from None
    return str(path)


@contextmanager
def entered(path: str | None) -> Iterator[None]:
    """Let this thread, and the processes and sockets that it makes, be in another network namespace; None changes nothing.

    Raises CaptureError where that is not allowed.
    """
    if path is None:
        yield
        return
    back = os.open(OWN, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            target = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise CaptureError(f"the network namespace {path} is gone: {error.strerror}") from None
        try:
            _enter(target, path)
        finally:
            os.close(target)
        try:
            yield
        finally:
            _enter(back, OWN)
    finally:
        os.close(back)


def _enter(descriptor: int, name: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, CLONE_NEWNET):
        reason = os.strerror(ctypes.get_errno())
        raise CaptureError(f"cannot enter the network namespace {name}: {reason}", hint="run it as root")
