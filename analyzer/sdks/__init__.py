"""What is known of the AWS SDKs, as data: one TOML file an SDK, found by being in this folder, read when first asked for.

    profile("js-v2").pools[0].keep_alive          # False
    remedy("python-boto3", "pool-size")           # Config(max_pool_connections=N) ...

Nothing is read at import. A broken file raises `ProfileError` when it is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from math import isfinite
from pathlib import Path
from types import MappingProxyType

from analyzer.sdks.records import Profile, User, sure
from analyzer.units import MILLISECOND, DurationNs


@cache
def profiles() -> Mapping[str, Profile]:
    """Return all profiles by the name of their file. Raises ProfileError for a file that is wrong, or a name that two files claim."""
    # Imported here: what reads TOML costs as much to import as the rest of this package.
    from analyzer.sdks.reading import ProfileError
    from analyzer.sdks.reading import profile as read

    found: dict[str, Profile] = {}
    owners: dict[str, str] = {}
    for file in sorted(Path(__file__).parent.glob("*.toml")):
        one = read(file.stem, file.read_text("utf-8"))
        for name in {one.name, *one.users}:
            if owners.setdefault(name, one.name) != one.name:
                raise ProfileError(f"{one.name}.toml: users.{name}: {owners[name]}.toml has that name already")
        found[one.name] = one
    return MappingProxyType(found)


@cache
def users() -> Mapping[str, User]:
    """Return all names under which SDKs are recognised, in the order in which their patterns are tried."""
    found = [user for one in profiles().values() for user in one.users.values()]
    return MappingProxyType({user.name: user for user in sorted(found, key=lambda user: (user.order, user.name))})


def profile(name: str | None) -> Profile | None:
    """Return the profile of an SDK by the name of its file or by one under which it is recognised; None for any other."""
    return _by_name().get(name) if name is not None else None


def title(name: str | None) -> str:
    """Return what people call the SDK that is recognised under a name; nothing where that is unknown."""
    user = users().get(name) if name is not None else None
    return user.title if user is not None else ""


def remedy(name: str | None, purpose: str) -> str | None:
    """Return what to change in an SDK for a purpose (`PURPOSES`), in its own words; None where that is unknown."""
    one = profile(name)
    if one is None or name is None:
        return None
    user = one.users.get(name)
    own = user.remedies.get(purpose) if user is not None else None
    return own or one.remedies.get(purpose)


@cache
def by_hello(ja4: str) -> str | None:
    """Return the name of the SDK, or family of SDKs, that sends ClientHellos of a JA4 fingerprint to AWS; None where unknown."""
    for user in users().values():
        if user.hello is not None and user.hello.search(ja4):
            return user.name
    return None


def idle_limit(name: str | None) -> DurationNs | None:
    """Return the idle time (ns) after which an SDK closes a connection of its usual pool; None where it never does, or nobody knows."""
    one = profile(name)
    pool = one.pools[0] if one is not None and one.pools else None
    if pool is None or pool.idle_ms is None or not isfinite(pool.idle_ms) or not sure(pool, "idle_ms"):
        return None
    return round(pool.idle_ms * MILLISECOND)


@cache
def hands_over(name: str | None) -> bool:
    """Tell whether an SDK may send another request on a new connection than the one that it was opened for; True of an unknown one."""
    one = profile(name)
    if one is None or not one.pools:
        return True
    return any(bool(pool.hands_over) for pool in one.pools)


@cache
def first_attempt(name: str | None, field: str) -> int:
    """Return the number that an SDK gives to the first attempt of a call in a header field (lower case): 1 unless its profile says 0."""
    one = profile(name)
    headers = one.headers if one is not None else None
    if headers is None or headers.counts_from is None or headers.attempt != field:
        return 1
    return headers.counts_from


@cache
def throttling_types() -> frozenset[str]:
    """Return the error types that any of the SDKs takes for throttling."""
    return frozenset(name for one in profiles().values() if one.retried is not None for name in one.retried.throttling or ())


@cache
def by_token_lifetime() -> Mapping[int, str]:
    """Return SDKs by the lifetime (s) of the IMDS tokens that they alone ask for."""
    found: dict[int, list[str]] = {}
    for one in profiles().values():
        if one.imds is not None and one.imds.token_ttl_s is not None and sure(one.imds, "token_ttl_s"):
            found.setdefault(one.imds.token_ttl_s, []).append(next(iter(one.users)))
    return MappingProxyType({lifetime: names[0] for lifetime, names in found.items() if len(names) == 1})


@cache
def by_manner(container: bool) -> Mapping[str, str]:
    """Return SDKs that send no user agent to the metadata service (or a `container` endpoint) by the `connection` field they alone send."""
    found: dict[str, list[str]] = {}
    for one in profiles().values():
        part = one.container if container else one.imds
        if part is not None and part.agent == "" and part.header:
            found.setdefault(part.header, []).append(next(iter(one.users)))
    return MappingProxyType({header: names[0] for header, names in found.items() if len(names) == 1})


@cache
def _by_name() -> Mapping[str, Profile]:
    return {name: one for one in profiles().values() for name in (one.name, *one.users)}
