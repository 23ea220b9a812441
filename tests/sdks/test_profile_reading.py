"""A profile that is wrong is refused when it is read, with its file and the key named."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.errors import AnalyzerError
from analyzer.sdks.reading import ProfileError, profile
from analyzer.sdks.records import source_of, sure

USER = '[users.toy]\ntitle = "Toy"\nsource = "measured"\n'

WHOLE = (
    USER
    + """
[modes.standard]
attempts = 3
since = "1.2"
source = "owner/repo:path/file.py (CONSTANT); owner/repo#12"
sources = { throttling = "unverified", since = "measured on 1.2" }
delays.throttling = { base_ms = 50, jitter = "equal", cap_ms = inf, firsts_ms = [[0, 1.5]] }
delays.transient = { base_ms = 50 }

[pools.one]
size = inf
read_ms = 1000
source = "docs: Guide"
sources = { read_ms = "unverified: a forum" }
"""
)


def test_a_whole_file() -> None:
    toy = profile("toy", WHOLE)
    (mode,) = toy.modes
    (pool,) = toy.pools
    assert (mode.name, mode.title, mode.attempts, mode.since, mode.marker) == ("standard", "standard", 3, "1.2", None)
    assert mode.delays["throttling"] == (50, 2, "equal", inf, ((0, 1.5),))
    assert mode.delays["transient"] == (50, 2, "none", inf, ())
    assert (pool.name, pool.size, pool.read_ms, pool.waits) == ("one", inf, 1000, None)
    assert (toy.headers, toy.imds, toy.remedies) == (None, None, {})


def test_sources_are_of_one_figure_or_of_all() -> None:
    toy = profile("toy", WHOLE)
    mode, pool = toy.modes[0], toy.pools[0]
    assert source_of(mode, "since") == "measured on 1.2"
    assert source_of(mode, "attempts").startswith("owner/repo:path")
    assert (sure(pool, "size"), sure(pool, "read_ms"), sure(pool, "connect_ms"), sure(mode, "attempts")) == (True, False, False, True)


def part(name: str, *lines: str, source: str = 'source = "measured"') -> str:
    return "\n".join((USER, f"[{name}]", *lines, source))


@pytest.mark.parametrize(
    "text, key, what",
    [
        ("[users", "", "toy.toml"),
        ("", "users", "missing"),
        ("users = 3", "users", "a table"),
        (USER + "[pool]\nsize = 3", "pool", "unknown key"),
        (USER.replace("source", "sauce"), "users.toy.source", "missing"),
        (USER + "colour = 3", "users.toy.colour", "unknown key"),
        (USER + "user_agent = '(?P<v>'", "users.toy.user_agent", "no regular expression"),
        (USER + "user_agent = '(?P<version>x)'", "users.toy.user_agent", "only named group"),
        (USER + "user_agent = 3", "users.toy.user_agent", "a text"),
        (USER + "order = -1", "users.toy.order", "from 0 on"),
        (USER + 'kind = "what"', "users.toy.kind", "sdk, library, container"),
        (USER + 'other_versions = "no"', "users.toy.other_versions", "true or false"),
        (USER + 'remedies = {luck = "x"}', "users.toy.remedies.luck", "no purpose"),
        (part("pools.one", "size = 3", source=""), "pools.one.source", "missing"),
        (part("pools.one", "size = 3", source='source = "a friend"'), "pools.one.source", "no source"),
        (part("pools.one", "size = 3", source='source = "measured; me"'), "pools.one.source", "no source"),
        (part("pools.one", "size = 3", 'sources = {size = "me"}'), "pools.one.sources.size", "no source"),
        (part("pools.one", "size = 3", 'sources = {read_ms = "measured"}'), "pools.one.sources.read_ms", "no figure"),
        (part("pools.one", "colour = 3"), "pools.one.colour", "unknown key"),
        (part("pools.one", "size = -3"), "pools.one.size", "from 0 on"),
        (part("pools.one", "size = nan"), "pools.one.size", "from 0 on"),
        (part("pools.one", "size = true"), "pools.one.size", "a number"),
        (part("pools.one", 'order = "random"'), "pools.one.order", "lifo, fifo"),
        (part("imds", "tries = 0"), "imds.tries", "above 0"),
        (part("imds", "tries = 1.5"), "imds.tries", "whole number"),
        (part("imds", 'retried = ["often"]'), "imds.retried", "outcomes"),
        (part("imds", 'retried = "timeout"'), "imds.retried", "a list"),
        (part("imds", "pause = { factor = 2 }"), "imds.pause.base_ms", "missing"),
        (part("imds", "pause = { base_ms = 1, jitter = 'some' }"), "imds.pause.jitter", "none, full, equal"),
        (part("imds", "pause = { base_ms = 1, factor = 0 }"), "imds.pause.factor", "above 0"),
        (part("imds", "pause = 3"), "imds.pause", "a table"),
        (part("retried", "statuses = [700]"), "retried.statuses", "statuses"),
        (part("headers", "counts_from = 2"), "headers.counts_from", "0, 1"),
        (part("headers", "counts_from = true"), "headers.counts_from", "0, 1"),
        (part("refresh", "extends_ms = [3, 2]"), "refresh.extends_ms", "above the longest"),
        (part("refresh", "extends_ms = [3]"), "refresh.extends_ms", "[shortest, longest]"),
        (part("modes.one", 'since = "new"'), "modes.one.since", "no version"),
        (part("modes.one", "delays.often = { base_ms = 1 }"), "modes.one.delays.often", "no kind of error"),
        (part("modes.one", "delays.transient = { base_ms = -1 }"), "modes.one.delays.transient.base_ms", "from 0 on"),
        (part("modes.one", "delays.transient = { base_ms = 1, firsts_ms = 3 }"), "modes.one.delays.transient.firsts_ms", "a list"),
        (part("modes", source="one = 3"), "modes.one", "a table"),
        (part("remedies", 'luck = "x"'), "remedies.luck", "no purpose"),
        (part("remedies", "keep-alive = ''"), "remedies.keep-alive", "a text"),
        (part("remedies", 'keep-alive = "x"', source=""), "remedies.source", "missing"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(text: str, key: str, what: str) -> None:
    with pytest.raises(ProfileError) as caught:
        profile("toy", text)
    told = str(caught.value)
    assert told.startswith(f"toy.toml: {key}: " if key else "toy.toml: ")
    assert what in told


def test_the_error_is_one_of_the_tree() -> None:
    with pytest.raises(AnalyzerError) as caught:
        profile("toy", "[")
    assert caught.value.exit_code == 2


VALUES = st.recursive(
    st.one_of(st.integers(-5, 700), st.floats(), st.booleans(), st.sampled_from(["", "x", "measured", "full", "1.2"])),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["base_ms", "source", "transient", "a"]), inner, max_size=2)
    ),
    max_leaves=4,
)


@given(
    st.dictionaries(
        st.sampled_from(["users", "headers", "modes", "retried", "imds", "container", "refresh", "pools", "remedies"]),
        st.dictionaries(
            st.sampled_from(["toy", "source", "sources", "tries", "pause", "delays", "keep-alive", "order"]), VALUES, max_size=3
        ),
        max_size=4,
    )
)
def test_whatever_a_file_holds_is_a_profile_or_an_error(data: dict[str, object]) -> None:
    text = "\n".join(f"{key} = {written(value)}" for key, value in data.items())
    told = "toy.toml: "
    try:
        profile("toy", text)
    except ProfileError as error:
        told = str(error)
    assert told.startswith("toy.toml: ")


def written(value: object) -> str:
    """Write a value as TOML on one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, list):
        return f"[{', '.join(map(written, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key} = {written(one)}' for key, one in value.items())}}}"
    return str(value)
