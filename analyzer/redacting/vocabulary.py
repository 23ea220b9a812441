"""Words that belong to protocols and to AWS's own interfaces: they name nobody, and the analysis needs them."""

from __future__ import annotations

import re

STANDARD_FIELDS = frozenset(
    b"""accept accept-encoding accept-ranges age allow amz-sdk-request amz-sdk-retry aws-sdk-retry cache-control connection content-encoding
    content-length date expect expires keep-alive last-modified pragma proxy-connection range retry-after server smithy-protocol te trailer
    transfer-encoding upgrade vary x-amz-api-version x-amz-content-sha256-mode x-amz-date x-amz-retry-after x-amzn-query-mode
    x-aws-ec2-metadata-token-ttl-seconds x-aws-ec2-metadata-token accept-language authorization cookie content-language content-location
    content-md5 content-range content-type content-disposition content-security-policy etag forwarded from host if-match
    if-modified-since if-none-match if-range if-unmodified-since location max-forwards origin proxy-authenticate proxy-authorization referer
    sec-websocket-key sec-websocket-accept sec-websocket-version sec-websocket-protocol sec-websocket-extensions sec-fetch-mode
    sec-fetch-site sec-fetch-dest set-cookie strict-transport-security user-agent via warning www-authenticate x-forwarded-for
    x-forwarded-host x-forwarded-port x-forwarded-proto x-powered-by x-requested-with traceparent tracestate access-control-allow-origin
    access-control-allow-methods access-control-allow-headers access-control-expose-headers access-control-max-age
    access-control-allow-credentials access-control-request-method access-control-request-headers amz-sdk-invocation-id
    aws-sdk-invocation-id x-amz-target x-amz-security-token x-amz-content-sha256 x-amz-user-agent x-amz-request-id x-amz-id-2 x-amz-crc32
    x-amz-algorithm x-amz-credential x-amz-signature x-amz-signedheaders x-amz-expires x-amz-acl x-amz-bucket-region x-amz-copy-source
    x-amz-decoded-content-length x-amz-delete-marker x-amz-expected-bucket-owner x-amz-region-set x-amz-server-side-encryption
    x-amz-storage-class x-amz-trailer x-amz-version-id x-amz-checksum-crc32 x-amz-checksum-crc32c x-amz-checksum-sha1
    x-amz-checksum-sha256 x-amz-sdk-checksum-algorithm x-amzn-requestid x-amzn-request-id x-amzn-errortype x-amzn-error-message
    x-amzn-trace-id x-amzn-query-error x-amz-cf-id x-amz-cf-pop x-amz-executed-version x-amz-function-error x-amz-log-result
    x-amz-invocation-type x-amz-client-context x-amz-rid x-amz-error-code x-amz-error-message x-amz-sso_bearer_token""".split()
)
"""Names of fields that are kept; others are a program's own."""
USER_METADATA = b"x-amz-meta-"
"""Behind it a customer's own name begins (S3)."""

ERROR_TYPE = re.compile(
    rb"([A-Z][A-Za-z0-9]{2,80}(?:\.[A-Z][A-Za-z0-9]{2,80})?)(?::https?://(?:internal\.)?amazon(?:aws)?\.com/[a-z0-9./-]{0,80})?/?"
)
"""The name of an error type as the AWS protocols write it (Smithy, "Operation error serialization"), without its namespace."""

METHODS = frozenset(
    b"""ACL BASELINE-CONTROL BIND CHECKIN CHECKOUT CONNECT COPY DELETE GET HEAD LABEL LINK LOCK MERGE MKACTIVITY MKCALENDAR MKCOL
    MKREDIRECTREF MKWORKSPACE MOVE OPTIONS ORDERPATCH PATCH POST PRI PROPFIND PROPPATCH PUT QUERY REBIND REPORT SEARCH TRACE UNBIND
    UNCHECKOUT UNLINK UNLOCK UPDATE UPDATEREDIRECTREF VERSION-CONTROL BCOPY BDELETE BMOVE BPROPFIND BPROPPATCH CCM_POST M-SEARCH NOTIFY
    POLL RPC_CONNECT RPC_IN_DATA RPC_OUT_DATA SUBSCRIBE UNSUBSCRIBE SUBSCRIPTIONS X-MS-ENUMATTS""".split()
)
"""Methods of requests (IANA HTTP Method Registry; those that Wireshark knows besides)."""
MEDIA_TYPES = frozenset(
    b"""application/json application/x-amz-json-1.0 application/x-amz-json-1.1 application/cbor application/x-amz-cbor-1.0
    application/x-amz-cbor-1.1 application/xml application/x-www-form-urlencoded application/octet-stream application/javascript
    application/x-javascript application/problem+json application/ld+json application/grpc application/pdf application/zip
    application/gzip application/x-gzip application/x-ndjson application/vnd.amazon.eventstream application/soap+xml
    application/xhtml+xml application/rss+xml application/atom+xml application/x-protobuf application/protobuf application/x-tar
    binary/octet-stream text/plain text/html text/xml text/css text/csv text/javascript text/event-stream text/markdown
    multipart/form-data multipart/mixed multipart/byteranges image/png image/jpeg image/jpg image/gif image/webp image/svg+xml
    image/x-icon image/vnd.microsoft.icon image/bmp image/avif audio/mpeg audio/mp4 audio/ogg audio/wav video/mp4 video/webm
    video/mpeg video/mp2t font/woff font/woff2 message/http""".split()
)
"""Media types that say nothing of whose they are."""
CHARSET = re.compile(rb"(?i);\s*charset=\"?(?:utf-8|us-ascii|iso-8859-1|utf-16)\"?\s*$")

PRODUCTS = frozenset(
    b"""aiobotocore aiohttp amazon-ssm-agent apn asyncio attempt aws-amplify aws-cli aws-cpp-sdk aws-internal aws-lambda aws-imds-client
    aws-sdk aws-sdk-cpp aws-sdk-crt aws-sdk-dotnet aws-sdk-dotnet-core aws-sdk-dotnet-coreclr aws-sdk-dotnet-45 aws-sdk-go aws-sdk-go-v2
    aws-sdk-java aws-sdk-js aws-sdk-kotlin aws-sdk-net aws-sdk-nodejs aws-sdk-php aws-sdk-python-imds-client aws-sdk-react-native
    aws-sdk-ruby aws-sdk-ruby2 aws-sdk-ruby3 aws-sdk-rust aws-sdk-swift aws-elixir boto boto3 botocore callback cpython curl darwin elixir
    erlang ex_aws go go-http-client goarch goos guzzle guzzlehttp hackney httpx java javascript jersey kotlin linux macos macosx mozilla
    nodejs node node-fetch okhttp openjdk php promise pypy python python-requests python-urllib3 ruby rust safari undici urllib3 wget
    windows windows_nt axios aws-crt http netty apache nginx urlconnection android imds ecs eks lua perl server ec2ws amazons3 gzip
    m b ua os lang md api cfg ft exec-env lib io""".split()
)
"""Products and metadata that SDKs and servers name; anything else may be the name of a program or its owner."""
METADATA = frozenset(b"os lang md api cfg ft exec-env lib io".split())
"""What introduces something else with its version."""
AGENT_WORDS = frozenset(
    b"""aws lambda ecs fargate ec2 eks linux macos windows other darwin android ios amzn amzn2 amzn2023 x86_64 x86 64 aarch64 arm64 amd64
    python python3 cpython pypy pyimpl arch nodejs node js java kotlin go goos goarch ruby php rust swift dotnet crt awscrt http netty
    nio apache urlconnection sync async retry mode retry-mode legacy standard adaptive unset dynamodb dynamodbstreams sts s3 imds
    ec2-imds sso ssooidc sqs sns kms ssm secretsmanager lambda paginator waiter resource s3-transfer resource-model botocore boto3
    urllib3 guzzle el7 el8 el9 generic openjdk 64-bit server vm html installer exe source prompt off on""".split()
)
"""What such metadata names; beside numbers all else is replaced."""
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
KEPT_CODES = frozenset({b"code", b"Code"})
KEPT_ENUMS = {
    b"ReturnConsumedCapacity": frozenset(b"INDEXES TOTAL NONE".split()),
    b"ReturnItemCollectionMetrics": frozenset(b"SIZE NONE".split()),
    b"ReturnValues": frozenset(b"NONE ALL_OLD UPDATED_OLD ALL_NEW UPDATED_NEW".split()),
    b"Select": frozenset(b"ALL_ATTRIBUTES ALL_PROJECTED_ATTRIBUTES SPECIFIC_ATTRIBUTES COUNT".split()),
    b"ComparisonOperator": frozenset(b"EQ NE IN LE LT GE GT BETWEEN NOT_NULL NULL CONTAINS NOT_CONTAINS BEGINS_WITH".split()),
    b"Type": frozenset(b"AWS-HMAC Sender Receiver".split()),
    b"KeyType": frozenset(b"HASH RANGE".split()),
    b"AttributeType": frozenset(b"S N B".split()),
}
"""Members whose values are among a few (DynamoDB API reference; the answers of IMDS)."""
AREAS = rb"us|eu|ap|sa|ca|me|af|il|mx|cn|us-gov|us-iso|us-isob|us-isoe|us-isof|eu-isoe|eusc-de"
SIDES = rb"northeast|northwest|southeast|southwest|north|south|east|west|central"
REGION = re.compile(rb"(?:" + AREAS + rb")-(?:" + SIDES + rb")-[0-9]{1,2}")
"""A region as AWS names them (the SDKs' partitions.json)."""
KEPT_PARAMETERS = frozenset({b"Action", b"Version"})
"""Parameters of the Query protocol whose values say what is asked for."""

PUBLIC_LABELS = frozenset(
    b"""com net org io dev app gov edu mil int arpa in-addr ip6 local localhost localdomain internal intern lan home test example invalid
    svc cluster amazonaws aws api amazonwebservices cn eu c2s ic sc2s sgov scloud cloud adc-e uk csp hci cloud-aws vpce dualstack fips ddb
    ec2 compute www _tcp _udp""".split()
)
"""Labels of host names that say nothing of whose they are."""
