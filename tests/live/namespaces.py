"""Network namespaces that a test makes itself, and takes away afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


def need_root() -> None:
    """Skip where network namespaces cannot be made."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces need root and iproute2")
    name = f"try-{uuid.uuid4().hex[:8]}"
    done = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"network namespaces cannot be made here: {done.stderr.strip()}")
    subprocess.run(["ip", "netns", "del", name], check=True)


def run(*words: str) -> None:
    """Run a command that must succeed."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"


def inside(name: str, *words: str) -> list[str]:
    """Return a command that runs in a namespace."""
    return ["ip", "netns", "exec", name, *words]


@contextmanager
def namespaces(*hints: str) -> Iterator[list[str]]:
    """Make namespaces with loopback up; return their names."""
    names = [f"{hint}-{uuid.uuid4().hex[:6]}" for hint in hints]
    try:
        for name in names:
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        yield names
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


def cable(one: str, address: str, other: str, other_address: str, names: tuple[str, str] = ("eth0", "eth0")) -> None:
    """Join two namespaces by a pair of interfaces with these addresses (with prefix length)."""
    run("ip", "-n", one, "link", "add", names[0], "type", "veth", "peer", "name", names[1], "netns", other)
    for name, interface, text in ((one, names[0], address), (other, names[1], other_address)):
        run("ip", "-n", name, "addr", "add", text, "dev", interface)
        run("ip", "-n", name, "link", "set", interface, "up")
