"""SDKs by user agent and by manners."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.aws.sdk import from_library, from_manners, from_user_agent

AGENTS = [
    (
        "Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.18.44 md/arch#x86_64 lang/python#3.11.7 md/pyimpl#CPython "
        "exec-env/AWS_ECS_FARGATE m/E,0,b,Z,P cfg/retry-mode#standard app/myapp Botocore/1.44.5",
        "python-boto3",
        "1.44.5",
    ),
    ("Boto3/1.44.5 Python/3.11.7 Linux/6.18.44 Botocore/1.44.5 Resource", "python-boto3", "1.44.5"),
    ("Botocore/1.44.5 ua/2.1 os/linux lang/python#3.11.7", "python-botocore", "1.44.5"),
    ("aws-cli/2.31.0 md/awscrt#0.27.6 ua/2.1 os/linux#6.1 lang/python#3.13.7", "aws-cli", "2.31.0"),
    (
        "aiobotocore/3.10.0 md/Botocore#1.43.117 ua/2.1 os/linux#6.1 md/arch#x86_64 lang/python#3.11.7 md/pyimpl#CPython m/P,0,D,N,b,Z "
        "cfg/retry-mode#legacy botocore/1.43.117",
        "python-aiobotocore",
        "3.10.0",
    ),
    ("aiobotocore/3.10.0 Python/3.11.7 Linux/6.1 botocore/1.43.117", "python-aiobotocore", "3.10.0"),
    ("aws-sdk-nodejs/2.1693.0 linux/v20.20.2 exec-env/X promise", "js-v2", "2.1693.0"),
    ("aws-sdk-nodejs/2.1693.0 linux/v20.20.2 callback", "js-v2", "2.1693.0"),
    ("aws-sdk-js/3.1161.0 ua/2.1 os/linux#6.18 lang/js md/nodejs#20.20.2 api/dynamodb#3.1161.0 m/N,E,P", "js-v3", "3.1161.0"),
    ("aws-sdk-js/3.1161.0", "js-v3", "3.1161.0"),
    (
        "aws-sdk-java/2.35.4 md/io#sync md/http#Apache ua/2.1 api/S3#2.35.x os/Linux#5.10 lang/java#17.0.16 "
        "md/OpenJDK_64-Bit_Server_VM#17 md/vendor#x md/en_US m/D,N",
        "java-v2",
        "2.35.4",
    ),
    ("aws-sdk-java/2.25.11 Linux/5 OpenJDK/17 Java/17 vendor/x", "java-v2", "2.25.11"),
    (
        "aws-sdk-java/1.12.277 Linux/5.4 OpenJDK_64-Bit_Server_VM/25.342-b07 java/1.8.0_342 vendor/Oracle_Corporation "
        "cfg/retry-mode/legacy",
        "java-v1",
        "1.12.277",
    ),
    ("aws-sdk-kotlin/1.5.17 ua/2.1 api/dynamodb#1.5.17", "kotlin", "1.5.17"),
    ("aws-sdk-go/1.44.133 (go1.19; linux; amd64) exec-env/X", "go-v1", "1.44.133"),
    (
        "aws-sdk-go-v2/1.42.0 ua/2.1 os/macos lang/go#1.26.4 md/GOOS#darwin md/GOARCH#arm64 api/ssm#1.69.4 m/n",
        "go-v2",
        "1.42.0",
    ),
    ("aws-sdk-go-v2/1.17.5 os/linux lang/go/1.17.2 md/GOOS/linux md/GOARCH/arm64 ft/ec2-imds", "go-v2", "1.17.5"),
    (
        "aws-sdk-dotnet-coreclr/3.7.305.28 ua/2.0 os/windows#10.0.22631.0 md/ARCH#X64 lang/.NET_Core#8.0.2 "
        "md/aws-sdk-dotnet-core#3.7.302.12 api/S3#3.7.305.28 cfg/retry-mode#legacy md/ClientAsync",
        "dotnet",
        "3.7.305.28",
    ),
    ("aws-sdk-dotnet-coreclr/4.0.9.6 ua/2.1 api/DynamoDB#4.0.9.6", "dotnet", "4.0.9.6"),
    ("aws-sdk-dotnet-framework/3.3.1.2 x", "dotnet", "3.3.1.2"),
    ("aws-sdk-dotnet-45/3.3.1.2 x", "dotnet", "3.3.1.2"),
    ("aws-sdk-rust/1.3.10 os/linux lang/rust/1.92.0", "rust", "1.3.10"),
    ("aws-sdk-rust/1.3.10 ua/2.1 api/dynamodb/1.91.0 os/linux lang/rust/1.92.0 m/E md/http#hyper-1.x", "rust", "1.3.10"),
    ("aws-sdk-ruby3/3.23.0 ruby/2.1.9 x86_64-darwin17.0 aws-sdk-s3/1.17.0", "ruby", "3.23.0"),
    ("aws-sdk-ruby3/3.220.0 ua/2.1 api/dynamodb#1.1", "ruby", "3.220.0"),
    ("aws-sdk-php/3.300.1 ua/2.1 OS/Linux#6 lang/php#8.3 GuzzleHttp/7", "php", "3.300.1"),
    ("aws-sdk-cpp/1.11.400 ua/2.1 api/DynamoDB os/Linux#6 lang/c++#C++11", "cpp", "1.11.400"),
    ("aws-sdk-cpp/1.9.100 Linux/5 x86_64 GCC/9", "cpp", "1.9.100"),
    ("aws-sdk-swift/1.0.0 ua/2.1", "swift", "1.0.0"),
    ("aws-sdk-python-imds-client/0.4.0", "python-v4-imds", "0.4.0"),
    ("aws-sdk-crt/aws-imds-client", "crt-imds", None),
    ("aws-sdk-nodejs/2.x linux/v20", "js-v2", "2"),
    ("Mozilla/5.0", None, None),
    ("python-urllib3/2.8.0", None, None),
    ("", None, None),
]


@pytest.mark.parametrize("agent, name, version", AGENTS)
def test_user_agents(agent: str, name: str | None, version: str | None) -> None:
    assert from_user_agent(agent.encode()) == (name, version)


@pytest.mark.parametrize(
    "agent, name, version",
    [
        ("python-urllib3/2.8.0", "urllib3-container-creds", None),
        ("Python/3.11 aiohttp/3.14.5", "aiohttp-container-creds", None),
        ("hackney/4.7.4", "elixir-hackney", "4.7.4"),
        ("curl/8.0", None, None),
    ],
)
def test_libraries(agent: str, name: str | None, version: str | None) -> None:
    assert from_library(agent.encode()) == (name, version)


@pytest.mark.parametrize(
    "service, fields, name",
    [
        ("imds", {b"x-aws-ec2-metadata-token-ttl-seconds": b"300", b"connection": b"close"}, "go-v2"),
        ("imds", {b"x-aws-ec2-metadata-token-ttl-seconds": b"21600", b"connection": b"close"}, "js-v2"),
        ("imds", {b"connection": b"Close"}, "js-v2"),
        ("imds", {b"connection": b"keep-alive"}, "js-v3"),
        ("eks-pod-identity", {b"connection": b"keep-alive"}, "js-v3"),
        ("ecs-credentials", {b"connection": b"close"}, None),
        ("imds", {}, None),
    ],
)
def test_manners(service: str, fields: dict[bytes, bytes], name: str | None) -> None:
    assert from_manners(service, fields) == (name, None)


def test_a_version_of_the_length_of_an_attack_is_left_out() -> None:
    assert from_user_agent(b"Boto3/" + b"1" * 500) == ("python-boto3", None)
    assert from_user_agent(b"Boto3/" + "\u00b2".encode("latin-1") * 5) == (None, None)


@given(st.binary(max_size=2000))
def test_any_bytes_are_survived(value: bytes) -> None:
    name, version = from_user_agent(b"Boto3/" + value)
    assert name in ("python-boto3", None) or version is None or version.isprintable()
    assert version is None or len(version) <= 32
