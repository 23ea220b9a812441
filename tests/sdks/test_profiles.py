"""Profiles as a whole: all files are read, names are found, and user agents are tried in their order."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer import sdks
from analyzer.aws.sdk import from_library, from_user_agent
from analyzer.sdks.records import PURPOSES

NAMES = {
    "aiobotocore", "botocore", "cpp", "crt", "dotnet", "elixir-hackney", "go-v1", "go-v2", "java-v1", "java-v2", "js-v2", "js-v3", "kotlin",
    "php", "python-v4", "ruby", "rust", "swift",
}  # fmt: skip
FAMILIES = {"go", "java", "node"}
"""Of several SDKs, for connections that nobody can read."""

# The order and the patterns of the project's notes on user agents, in which the first that matches wins.
USER_AGENTS = [
    ("python-boto3", r"^Boto3/(?P<v>[\d.]+)"),
    ("python-aiobotocore", r"^aiobotocore/(?P<v>[\d.]+)"),
    ("aws-cli", r"\baws-cli/(?P<v>[\d.]+)"),
    ("python-botocore", r"\bBotocore/(?P<v>[\d.]+)"),
    ("js-v3", r"\baws-sdk-js/(?P<v>3[\d.]*)"),
    ("js-v2", r"\baws-sdk-(?:nodejs|js|react-native)/(?P<v>2[\d.]*)"),
    ("java-v2", r"\baws-sdk-java/(?P<v>2[\d.]*)"),
    ("java-v1", r"\baws-sdk-java/(?P<v>1[\d.]*)"),
    ("kotlin", r"\baws-sdk-kotlin/(?P<v>[\d.]+)"),
    ("go-v2", r"\baws-sdk-go-v2/(?P<v>[\d.]+)"),
    ("go-v1", r"\baws-sdk-go/(?P<v>[\d.]+)"),
    ("dotnet", r"\baws-sdk-dotnet(?:-\w+)?/(?P<v>[\d.]+)"),
    ("rust", r"\baws-sdk-rust/(?P<v>[\d.]+)"),
    ("ruby", r"\baws-sdk-ruby\d?/(?P<v>[\d.]+)"),
    ("php", r"\baws-sdk-php/(?P<v>[\d.]+)"),
    ("cpp", r"\baws-sdk-cpp/(?P<v>[\d.]+)"),
    ("swift", r"\baws-sdk-swift/(?P<v>[\d.]+)"),
    ("python-v4-imds", r"\baws-sdk-python-imds-client/(?P<v>[\d.]+)"),
    ("crt-imds", r"^aws-sdk-crt/aws-imds-client"),
]
LIBRARIES = [
    ("urllib3-container-creds", r"^python-urllib3/"),
    ("aiohttp-container-creds", r"\baiohttp/"),
    ("elixir-hackney", r"^hackney/(?P<v>[\d.]+)"),
]


def first(table: list[tuple[str, str]], text: str) -> str | None:
    return next((name for name, pattern in table if re.search(pattern, text)), None)


def test_there_is_a_file_for_each_sdk(root: Path) -> None:
    assert set(sdks.profiles()) == NAMES | FAMILIES
    assert {path.stem for path in (root / "analyzer" / "sdks").glob("*.toml")} == NAMES | FAMILIES
    assert {name for name, user in sdks.users().items() if user.kind == "hello"} == {"go", "java", "js"}


def test_patterns_stand_in_their_order() -> None:
    users = [user for user in sdks.users().values() if user.pattern is not None]
    assert [(user.name, user.pattern.pattern) for user in users if user.pattern and user.kind == "sdk"] == USER_AGENTS
    assert [(user.name, user.pattern.pattern) for user in users if user.pattern and user.kind != "sdk"] == LIBRARIES
    assert [user.name for user in users if user.kind == "container"] == ["urllib3-container-creds", "aiohttp-container-creds"]


PIECES = [
    "Boto3/1.4", "aiobotocore/3.1", "aws-cli/2.3", "Botocore/1.4", "botocore/1.4", "aws-sdk-js/3.1", "aws-sdk-js/2.1", "aws-sdk-nodejs/2.1",
    "aws-sdk-java/2.1", "aws-sdk-java/1.1", "aws-sdk-kotlin/1", "aws-sdk-go-v2/1.1", "aws-sdk-go/1.1", "aws-sdk-dotnet-45/3",
    "aws-sdk-rust/1", "aws-sdk-ruby3/3", "aws-sdk-php/3", "aws-sdk-cpp/1", "aws-sdk-swift/1", "aws-sdk-python-imds-client/0.4",
    "aws-sdk-crt/aws-imds-client", "python-urllib3/2", "aiohttp/3", "hackney/4", "x", "",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=4))
def test_the_first_that_matches_wins(pieces: list[str]) -> None:
    text = " ".join(pieces)
    assert from_user_agent(text.encode()).name == first(USER_AGENTS, text)
    assert from_library(text.encode()).name == first(LIBRARIES, text)


@pytest.mark.parametrize(
    "name, file, title",
    [
        ("python-boto3", "botocore", "boto3"),
        ("python-botocore", "botocore", "botocore"),
        ("botocore", "botocore", ""),
        ("aws-cli", "botocore", "AWS CLI"),
        ("urllib3-container-creds", "botocore", "botocore"),
        ("aiohttp-container-creds", "aiobotocore", "aiobotocore"),
        ("crt-imds", "crt", "AWS Common Runtime"),
        ("python-v4-imds", "python-v4", "SDK for Python v4"),
        ("elixir-hackney", "elixir-hackney", "ex_aws"),
        ("js-v2", "js-v2", "SDK for JavaScript v2"),
    ],
)
def test_profiles_are_found_by_each_of_their_names(name: str, file: str, title: str) -> None:
    found = sdks.profile(name)
    assert found is not None
    assert found.name == file
    assert sdks.title(name) == title


def test_unknown_names_have_nothing() -> None:
    assert sdks.profile(None) is sdks.profile("who") is None
    assert sdks.title(None) == sdks.title("who") == ""
    assert sdks.remedy(None, "keep-alive") is sdks.remedy("who", "keep-alive") is None
    assert sdks.idle_limit(None) is sdks.idle_limit("who") is None


def test_every_user_has_a_title_and_every_remedy_a_known_purpose() -> None:
    for user in sdks.users().values():
        assert user.title, user.name
    for profile in sdks.profiles().values():
        assert set(profile.remedies) <= set(PURPOSES)
        assert not profile.remedies or profile.remedy_source


def test_a_program_that_is_built_on_an_sdk_has_its_own_words_first() -> None:
    assert "AWS_RETRY_MODE=adaptive" in (sdks.remedy("aws-cli", "throttling") or "")
    assert "Config(retries" in (sdks.remedy("python-boto3", "throttling") or "")
    assert sdks.remedy("aws-cli", "imds-disable") == sdks.remedy("python-boto3", "imds-disable") == "Set AWS_EC2_METADATA_DISABLED=true."


def test_profiles_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        sdks.profiles()["x"] = sdks.profiles()["rust"]  # type: ignore[index]
    with pytest.raises(AttributeError):
        sdks.profiles()["rust"].name = "x"  # type: ignore[misc]


def test_help_reads_no_profile(root: Path) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "analyzer", "--help"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    assert "Usage" in done.stdout
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "analyzer" in imported
    assert imported & {"tomllib", "analyzer.sdks.reading"} == set()
