"""Words that belong to protocols and to AWS's own interfaces: they name nobody, and the analysis needs them."""

from __future__ import annotations

import re

KEPT_FIELDS = frozenset(
    b"""accept accept-encoding accept-ranges age allow amz-sdk-request amz-sdk-retry aws-sdk-retry cache-control connection content-encoding
    content-length date expect expires keep-alive last-modified pragma proxy-connection range retry-after server smithy-protocol te trailer
    transfer-encoding upgrade vary x-amz-api-version x-amz-content-sha256-mode x-amz-date x-amz-retry-after x-amzn-query-mode
    x-aws-ec2-metadata-token-ttl-seconds""".split()
)
"""Fields whose values are kept: framing, attempts, times, and what no program fills with data."""
STANDARD_FIELDS = KEPT_FIELDS | frozenset(
    b"""accept-language authorization cookie content-language content-location content-md5 content-range content-type etag forwarded from
    host if-match if-modified-since if-none-match if-range if-unmodified-since location max-forwards origin proxy-authenticate
    proxy-authorization referer sec-websocket-key sec-websocket-accept set-cookie strict-transport-security user-agent via warning
    www-authenticate x-forwarded-for x-forwarded-host x-forwarded-port x-forwarded-proto x-powered-by x-requested-with traceparent
    tracestate""".split()
)
"""Names of fields that are kept; others are a program's own, unless they begin as AWS's do."""
AWS_PREFIXES = (b"x-amz", b"x-aws", b"amz-", b"aws-", b"sec-", b"access-control-", b"x-amzn", b"content-", b"proxy-")
USER_METADATA = b"x-amz-meta-"
"""Behind it a customer's own name begins (S3)."""

TARGET = re.compile(rb"[A-Za-z][A-Za-z0-9_]{0,80}\.[A-Za-z]{1,80}")
"""An `X-Amz-Target`."""
ERROR_TYPE = re.compile(
    rb"(?:[A-Za-z][A-Za-z0-9_]*\.)*(?:v?\d{8}#|[A-Za-z0-9_]+#)?[A-Z][A-Za-z]{2,80}(?::https?://[a-z0-9./-]*amazon[a-z0-9./-]*)?/?"
)
"""An error type as the AWS protocols write it (Smithy, "Operation error serialization")."""
CODE = re.compile(rb"(?:[A-Z][a-z]+){1,12}(?:\.[A-Z][A-Za-z]+)?")

MEDIA_TYPE = re.compile(rb"[A-Za-z0-9]+/[A-Za-z0-9.+-]+")
CHARSET = re.compile(rb"(?i);\s*charset=\"?(?:utf-8|us-ascii|iso-8859-1|utf-16)\"?\s*$")

PRODUCTS = frozenset(
    b"""m b js aiobotocore aiohttp amazon-ssm-agent api apn asyncio attempt aws-amplify aws-cli aws-cpp-sdk aws-internal aws-lambda
    aws-sdk aws-sdk-cpp aws-sdk-dotnet aws-sdk-dotnet-core aws-sdk-go aws-sdk-go-v2 aws-sdk-java aws-sdk-js aws-sdk-kotlin aws-sdk-net
    aws-sdk-nodejs aws-sdk-php aws-sdk-ruby aws-sdk-ruby3 aws-sdk-rust aws-sdk-swift aws-elixir boto boto3 botocore callback cfg cpython
    curl darwin dynamodb elixir erlang exec-env ex_aws ft go go-http-client goarch goos guzzle guzzlehttp hackney httpx io java javascript
    jersey kotlin lang lib linux macos macosx md mozilla nodejs node node-fetch okhttp openjdk os php promise pypy python
    python-requests python-urllib3 ruby rust s3 safari sts ua undici urllib3 wget windows windows_nt axios aws-crt crt http netty-nio
    netty apache urlconnection sync async ios android imds ecs eks lua resty perl""".split()
)
"""Products and metadata that SDKs put into a user agent; anything else may be the name of a program or its owner."""
OWN_PRODUCTS = frozenset({b"app", b"appid", b"app-id"})
"""What introduces a program's own name."""

PATH_WORDS = frozenset(
    b"""latest api token meta-data iam info security-credentials security-credentials-extended placement region availability-zone
    availability-zone-id dynamic instance-identity document v1 v2 v3 v4 credentials metadata task stats instance-id services domain
    service operation 1.0""".split()
)
"""Segments of the paths of credential endpoints and of AWS protocols."""
PATH_DATE = re.compile(rb"20\d\d-\d\d-\d\d")

KEPT_KEYS = frozenset(
    b"""__type ADD AccessKeyId Action AccountId AttributeDefinitions AttributeExists AttributeName AttributeType AttributeUpdates
    AttributeValueList Attributes AttributesToGet B BOOL BS BillingMode BillingModeSummary CONTAINED CancellationReasons CapacityUnits
    Code ComparisonOperator ConditionCheck ConditionExpression ConditionalOperator Conditions ConsistentRead ConsumedCapacity Count
    CreationDateTime Delete DeleteRequest ErrorResponse Error Exclusive ExclusiveStartKey ExclusiveStartTableName Exists Expected
    Expiration ExpressionAttributeNames ExpressionAttributeValues FilterExpression Get GlobalSecondaryIndexes IndexName IndexStatus Item
    ItemCollectionKey ItemCollectionMetrics ItemCount Items Key KeyConditionExpression KeyConditions KeySchema KeyType Keys L
    LastEvaluatedKey LastEvaluatedTableName LastUpdated Limit LocalSecondaryIndexes M Message N NS NULL NextToken Parameters
    ProjectionExpression Projection ProjectionType ProvisionedThroughput Put PutRequest QueryFilter ReadCapacityUnits Reason RequestId
    RequestItems Responses ReturnConsumedCapacity ReturnItemCollectionMetrics ReturnValues ReturnValuesOnConditionCheckFailure RoleArn S SS
    ScanFilter ScanIndexForward ScannedCount SecretAccessKey Segment Select SizeEstimateRangeGB Statement Statements Status StreamArn
    Table TableArn TableDescription TableName TableNames TableSizeBytes TableStatus Token TotalSegments TransactItems
    TransactStatements Type UnprocessedItems UnprocessedKeys Update UpdateExpression WriteCapacityUnits accountId architecture
    availabilityZone code imageId instanceId instanceType kernelId message pendingTime privateIp ramdiskId region version message
    statusCode NumberOfDecreasesToday TableId IndexSizeBytes IndexArn ProvisionedThroughputOverride ClientRequestToken throttlingReasons
    ThrottlingReasons reason resource""".split()
)
"""Members of AWS's JSON documents."""
KEPT_NUMBERS = frozenset(
    b"Count ScannedCount Limit Segment TotalSegments CapacityUnits ReadCapacityUnits WriteCapacityUnits statusCode".split()
)
"""Members whose numbers are kept: what was read and returned, and how much was asked for."""
KEPT_CODES = frozenset({b"__type", b"code", b"Code"})
KEPT_ENUMS = frozenset(
    b"ReturnConsumedCapacity ReturnItemCollectionMetrics ReturnValues Select ComparisonOperator Type KeyType AttributeType region".split()
)
ENUM = re.compile(rb"[A-Z]{1,4}(?:_?[A-Z]+){0,5}|AWS-HMAC|[a-z]{2,4}(?:-[a-z]+)+-\d")
KEPT_PARAMETERS = frozenset({b"Action", b"Version"})
"""Parameters of the Query protocol whose values say what is asked for."""

PUBLIC_LABELS = frozenset(
    b"""com net org io dev app gov edu mil int arpa in-addr ip6 local localhost localdomain internal intern lan home test example invalid
    svc cluster amazonaws aws api amazonwebservices cn eu c2s ic sc2s sgov scloud cloud adc-e uk csp hci cloud-aws vpce dualstack fips ddb
    ec2 compute www _tcp _udp""".split()
)
"""Labels of host names that say nothing of whose they are."""
