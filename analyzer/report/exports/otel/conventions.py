"""Names that OpenTelemetry gives to what is exported, in one table with the version they are of.

Semantic conventions 1.44.0: docs/http/http-spans.md, docs/cloud-providers/aws-sdk.md, docs/db/dynamodb.md, docs/registry/attributes/*.md,
docs/dotnet/dotnet-network-traces.md (the only published ones for setting up connections). Of the AWS conventions, which are in transition,
both generations of names are written. What has no name there begins with `analyzer.`.
"""

from __future__ import annotations

from typing import Final

VERSION: Final = "1.44.0"
SCHEMA_URL: Final = f"https://opentelemetry.io/schemas/{VERSION}"

INTERNAL, CLIENT = 1, 3
"""SpanKind (opentelemetry-proto, trace.proto)."""
ERROR: Final = 2
"""StatusCode; without an error it stays unset, as the HTTP conventions ask."""

# Resource
SERVICE_NAME: Final = "service.name"
HOST_IP: Final = "host.ip"

# HTTP client spans, network, TLS, DNS
METHOD: Final = "http.request.method"
STATUS: Final = "http.response.status_code"
RESEND_COUNT: Final = "http.request.resend_count"
REQUEST_SIZE: Final = "http.request.size"
RESPONSE_SIZE: Final = "http.response.size"
URL_FULL: Final = "url.full"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
PEER_ADDRESS: Final = "network.peer.address"
PEER_PORT: Final = "network.peer.port"
LOCAL_ADDRESS: Final = "network.local.address"
LOCAL_PORT: Final = "network.local.port"
TRANSPORT: Final = "network.transport"
NETWORK_TYPE: Final = "network.type"
PROTOCOL_NAME: Final = "network.protocol.name"
PROTOCOL_VERSION: Final = "network.protocol.version"
ERROR_TYPE: Final = "error.type"
TLS_PROTOCOL_NAME: Final = "tls.protocol.name"
TLS_PROTOCOL_VERSION: Final = "tls.protocol.version"
TLS_CIPHER: Final = "tls.cipher"
TLS_RESUMED: Final = "tls.resumed"
TLS_ESTABLISHED: Final = "tls.established"
TLS_NEXT_PROTOCOL: Final = "tls.next_protocol"
DNS_QUESTION: Final = "dns.question.name"
DNS_ANSWERS: Final = "dns.answers"

# AWS SDK and DynamoDB client spans
RPC_SYSTEM: Final = "rpc.system"
RPC_SYSTEM_NAME: Final = "rpc.system.name"
RPC_SERVICE: Final = "rpc.service"
RPC_METHOD: Final = "rpc.method"
AWS_API: Final = "aws-api"
AWS_REQUEST_ID: Final = "aws.request_id"
CLOUD_REGION: Final = "cloud.region"
DB_SYSTEM: Final = "db.system.name"
DYNAMODB: Final = "aws.dynamodb"
TABLE_NAMES: Final = "aws.dynamodb.table_names"
COUNT: Final = "aws.dynamodb.count"
SCANNED_COUNT: Final = "aws.dynamodb.scanned_count"

# Ours
STREAM: Final = "tcp.stream"
"""Wireshark's field of that name."""
OURS: Final = "analyzer."
"""Beginning of every other name: `analyzer.call_id`, `analyzer.phase`, `analyzer.first_packet_id`."""

# Names of spans
SET_UP_SPAN: Final = "HTTP connection_setup {where}"
DNS_SPAN: Final = "DNS lookup {name}"
CONNECT_SPAN: Final = "socket connect {where}"
TLS_SPAN: Final = "TLS client handshake {name}"

SERVICE_IDS: Final = {
    "dynamodb": "DynamoDB",
    "dynamodbstreams": "DynamoDB Streams",
    "events": "EventBridge",
    "firehose": "Firehose",
    "kinesis": "Kinesis",
    "kms": "KMS",
    "lambda": "Lambda",
    "logs": "CloudWatch Logs",
    "s3": "S3",
    "secretsmanager": "Secrets Manager",
    "sns": "SNS",
    "sqs": "SQS",
    "ssm": "SSM",
    "states": "SFN",
    "sts": "STS",
}
"""`serviceId` of the services' models, which is what instrumented SDKs write; others keep the name that the tables have."""
NO_RPC: Final = frozenset({"imds", "ecs-credentials", "eks-pod-identity"})
"""Endpoints that are no AWS API: plain HTTP."""
