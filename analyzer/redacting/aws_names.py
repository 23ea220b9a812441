"""Names of AWS's operations and errors, told by the words they are made of: what is made of others may name somebody.

The words are those of all operations of the JSON and Query protocols and of S3, of all errors (botocore's service models), and of the
errors that all services share (the "Common Errors" page of each API reference).
"""

from __future__ import annotations

import re

from analyzer.redacting.services import SERVICES
from analyzer.redacting.vocabulary import ERROR_TYPE

NUMBERED = frozenset(b"S3 V2 V3 EC2 Ec2 Ipv4 Ipv6 Route53 Sha256 ICD10 Qev2".split())
"""Words that end with a number; no other numbers are in names."""
WORD = re.compile(b"|".join(sorted(NUMBERED, reverse=True)) + rb"|[A-Z]+(?![a-z])|[A-Z][a-z]+|[^A-Z]+")
SINGLE = frozenset(
    b"Decapsulate Decrypt Encapsulate Encrypt Failed Forbidden Predict Publish Query Rescore Retrieve Scan Search Select Sign Subscribe "
    b"Success Throttled Throttling Unauthorized Unsubscribe Verify".split()
)
"""Names of one word."""
NAMESPACE = re.compile(
    rb"com\.amazon(?:aws)?\.([a-z0-9-]{1,40})(?:\.(?:service|validate|availability|http|internal|model|streams|throttling))?(?:\.v20[0-9]{6})?"
)
CORAL = b"coral"
"""What most of AWS's own servers name instead of their service."""
LONGEST = 160

PREFIXES = frozenset(
    b"""ACMPrivateCA AWS242ServiceCatalogService AWSBCMDashboardsService AWSBCMPricingCalculator AWSBilling
    AWSBillingAndCostManagementDataExports AWSBillingAndCostManagementRecommendedActions AWSBudgetServiceGateway
    AWSCloud9WorkspaceManagementService AWSCognitoIdentityProviderService AWSCognitoIdentityService AWSEC2InstanceConnectService
    AWSEvents AWSEventsV2 AWSFMS_20180101 AWSFreeTierService AWSGlue AWSHawksNestServiceFacade AWSHealth_20160804
    AWSIESnowballJobManagementService AWSIdentityStore AWSInsightsIndexService AWSKendraFrontendService
    AWSKendraRerankingFrontendService AWSLicenseManager AWSLookoutEquipmentFrontendService AWSMPCommerceService_v20200301
    AWSMPEntitlementService AWSMPMeteringService AWSMigrationHub AWSMigrationHubMultiAccountService AWSOrganizationsV20161128
    AWSOrigamiServiceGatewayService AWSParallelComputingService AWSPartnerCentralSelling AWSPoseidonService_V2015_11_01
    AWSPriceListService AWSShield_20160616 AWSShineFrontendService_20170701 AWSSimbaAPIService_v20180301 AWSStepFunctions
    AWSSupport_20130415 AWSWAF_20150824 AWSWAF_20190729 AWSWAF_Regional_20161128 AmazonAthena AmazonBedrockKeystoneRuntimeService
    AmazonDAXV3 AmazonDMSv20160101 AmazonEC2ContainerRegistry_V20150921 AmazonEC2ContainerServiceV20141113
    AmazonElasticVMwareService AmazonForecast AmazonForecastRuntime AmazonML_20141212 AmazonMWAAServerless AmazonMemoryDB
    AmazonPersonalize AmazonSQS AmazonSSM AmazonTimestreamInfluxDB AnyScaleFrontendService AnyScaleScalingPlannerFrontendService
    AppRunner ArcRegionSwitch AwsProton20200720 B2BI BackupOnPremises_v20210101 BaldrApiService CertificateManager CloudApiService
    CloudHsmFrontendService CloudWatchOmniFrontend CodeBuild_20161006 CodeCommit_20150413 CodeDeploy_20141006 CodePipeline_20150709
    ComprehendMedical_20181030 Comprehend_20171127 ComputeOptimizerAutomationService ComputeOptimizerService
    CostOptimizationHubService DataPipeline DeviceFarm_20150623 DirectoryService_20150416 DynamoDBStreams_20120810 DynamoDB_20120810
    EC2WindowsBarleyService EUCMIFrontendAPIService ElasticMapReduce Firehose_20150804 FmrsService GameLift
    GlobalAccelerator_V20180706 GraniteServiceVersion20100801 HealthLake InspectorService Interconnect Invoicing
    IoTAutobahnControlPlane IoTSecuredTunneling IotThingsGraphFrontEndService KeyspacesService KeyspacesStreams
    KinesisAnalytics_20150814 KinesisAnalytics_20180523 Kinesis_20131202 Lightsail_20161128 Logs_20140328
    MTurkRequesterServiceV20170117 MailManagerSvc MarketplaceCommerceAnalytics20150701 MediaStore_20170901 NetworkFirewall_20201112
    Odb OpenSearchMemory OpenSearchServerless OvertureService PartnerCentralAccount PartnerCentralBenefitsService
    PartnerCentralChannel PartnerCentralRevenueMeasurement PaymentCryptographyControlPlane PerformanceInsightsv20180227
    PhotonAdminProxyService PinpointSMSVoiceV2 RedshiftData RedshiftServerless RekognitionService ResourceGroupsTaggingAPI_20170126
    Route53AutoNaming_v20170314 Route53Domains_v20140515 Route53Resolver SSMContacts SWBExternalService SageMaker
    ServiceQuotasV20190624 SimpleWorkflowService SpencerFrontendService StarlingDoveService StorageGateway_20130630 Textract
    Timestream_20181101 ToggleCustomerAPI Transcribe TransferService TrentService VerifiedPermissions VoiceID WorkMailService
    WorkspacesService com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101 com.amazonaws.codeconnections.CodeConnections_20231201
    com.amazonaws.codestar.connections.CodeStar_connections_20191201 secretsmanager""".split()
)
"""What `X-Amz-Target` begins with, before the operation."""
WORDS = frozenset(
    b"""Abac Abort Aborted AC Accelerate Accelerator Accelerators Accept Acceptable Accepted Accepting Access Accessed Accesses
    Accessible Account Accounts Accuracy Acknowledge ACL Acl Acls Acquire Action Actions Activate Activated Activation Activations
    Active Activities Activity Actor AD Adapter Adapters Add Additional Addon Address Addresses Adjustment Admin Administrator
    Administrators Admins Advertise Advisor Affected After Agent Agents Aggregate Aggregates Aggregation Aggregator Aggregators
    Agreement Agreements AI Airflow Alarm Alarms Alert Alerts Algorithm Algorithms Alias Aliases Alive All Alliance Allocate
    Allocation Allocations Allow Allowed Alphabet ALPN Already Amend Analyses Analysis Analytics Analyze Analyzer Ancestry Anchor
    And Annotation Annotations Announcement Announcements Anomalies Anomaly Another API Api App Applicable Application Applications
    Apply Approval Approvals Approve Approved Approximate Apps Aqua Archival Archive Archived Archives Are Arg Args Argument ARN Arn
    Arns Artifact Artifacts As Asns Assessment Assessments Asset Assets Assign Assignment Assignments Associate Associated
    Association Associations Assume Async Attach Attachable Attached Attachment Attachments Attack Attacks Attempts Attestation
    Attestations Attribute Attributes Attribution Attributions Audit Auth Authentication Authn Author Authorities Authority
    Authorization Authorizations Authorize Authorized Auto Automated Automatic Automation Autonomous Availability Available AWS Aws
    AZ Azure Backend Backfill Backfills Backtest Backtrack Backtracks Backup Backups Bad Balance Balancer Balancers Bandwidth
    Barcode Base Based Baseline Baselines Batch Batches Be Beanstalk Bearer Before Behavior Behaviors Being Benchmark Benefit
    Benefits BGP Bgp Bias Bill Billing Bin Binding Bindings Blob Block Blocked Blocker Blocking Blocks Blue Blueprint Blueprints
    Body Bonus Bookmark Bootstrap Borrow Bounce Boundary Bounds Branch Branches Branding Bridge Broadcasting Bucket Buckets Budget
    Budgets Buffer Build Builder Builders Builds Bulk Bundle Bundles Bus Buses Business Busy But By Byoasn Byoip Byte Bytes CA Ca
    Cache Cachedi Caches Calculation Calendar Call Callback Caller Campaign Campaigns Cancel Canceled Cancellation Cancelled
    Candidates Cannot Capabilities Capability Capacities Capacity Capture Card Cards Carrier Case Cases Catalog Catalogs Categories
    Category Celebrities Celebrity Center Certificate Certificates Certification CFN Challenge Change Changed Changes Channel
    Channels Chap Character Charge Charges Check Checked Checkout Checks Child Children Chime Cidr Cidrs Ciphertext Claim Class
    Classic Classification Classifier Classifiers Classify Clear Client Clients Clone Clones Close Closed Cloud Cluster Clusters CM
    CNAM CNAME Cname Code Codec Coip Collection Collections Collector Collectors Column Combination Command Commands Comment
    Comments Commerce Commit Commitment Commitments Commits Committed Communication Communications Compare Compared Comparison
    Comparisons Compatibility Compatible Compilation Complete Completed Compliance Component Components Compose Composite Compute
    Computer Concentrator Concentrators Concurrency Concurrent Condition Conditional Confidence Config Configs Configuration
    Configurations Configure Configured Confirm Confirmation Confirmed Conflict Conflicting Conflicts Conformance Connect Connected
    Connection Connections Connectivity Connector Connectors Connects Console Constraint Constraints Consumer Consumers Consumption
    Contact Contacts Container Containers Contains Content Contention Contents Context Contexts Continuation Continue Continuous
    Contract Contracts Contractual Contributor Contributors Control Controller Controllers Controls Conversion Conversions Convert
    Cookie Cookies Copied Copy Core Cors Cost Count Countries Country Counts Cover Coverage Coverages Cpu Crawler Crawlers Crawls
    Create Created Creation Creations Credential Credentials Credit Credits Criteria Cross CSP CSR Csr CSV Curated Current Custom
    Customer Customization Customs Cycle Daemon Daemons Dashboard Dashboards Data Database Databases Datafeed Dataflow Dataset
    Datasets Datastore Datastores Date DB Db Deactivate Deactivating Dead Deauthorize Decapsulate Decision Declaration Declarative
    Decline Decode Decoder Decrease Decrypt Decrypted Decryption Deep Default Defaults Define Defined Definition Definitions Delay
    Delegate Delegated Delegates Delegation Delete Deleted Deleting Deletion Deletions Deliver Deliveries Delivery Deltas Demand
    Denied Deny Dependency Dependent Deploy Deployable Deployed Deployment Deployments Depot Deprecate Deprecated Deprecation
    Deprovision Deregister Deregistration Derive Derived Describe Description Descriptions Desired Destination Destinations Detach
    Detached Detail Detailed Details Detect Detected Detection Detections Detector Detectors Dev Developer Device Devices Dhcp
    Diagnostic Diff Differences Different Digest Digital Dimension Dimensions Direct Directories Directory Disable Disabled
    Disallowed Disassociate Disassociation Discard Disconnect Discover Discovered Discoveries Discovery Disk Disks Display
    Dissociate Distinct Distribute Distributed Distribution Distributions Divergence Dkim Dmarc DNS Dns DNSSEC Dnssec Doc Document
    Documents Does Domain Domains Dominant Down Download DPU Draft Drain Drift Drifts Drivers DRT Dry DS Duplicate Duplicated
    Durable Duration EBS Ebs EC Ec ECS Edge Edition EDS Effect Effective Efficiency EFS Efs EFSIO Egress Eip Ek EKS Elastic Elements
    Eligible Email Emergency Empty Enable Enabled Encapsulate Enclave Encoding Encrypt Encryption End Ended Endpoint Endpoints
    Enforced Enforcement Engagement Engagements Engine Enhanced ENI Enough Enrichment Enrollment Enter Enterprise Entities Entitled
    Entitlement Entitlements Entity Entries Entry Enum Environment Environments Equipment Error Errors Es Escalation Estimate
    Estimates Evaluate Evaluation Evaluations Event Events Evict Exadata Exadb Exascale Exceed Exceeded Exceeds Exception Exceptions
    Exchange Exclusion Exclusions Execute Executing Execution Executions Executors Exist Exists Exit Expense Experience Experiences
    Experiment Experiments Expiration Expire Expired Expiry Explainabilities Explainability Export Exports Express Expression
    Expressions Extend Extension Extensions External Face Faces Facet Factor Factors Failed Failing Failover Failure Failures
    Families Faq Faqs Fast Fault Feature Featured Features Federated Federation Feedback FHIR Field Fields File Files Filter Filters
    Finalizing Findings Firehose Firewall Firewalls Fleet Fleets Flex Flow Flows Flush Flywheel Flywheels Folder Fond For Forbidden
    Forecast Forecasts Forget Forgot Form Format Formation Forms Forward Forwarded Forwarder Forwarders Forwarding Found Fpga Frame
    Fraudster Fraudsters Free From Front Frozen Fsx Full Function Functions Game Gateway Gateways General Generate Generated
    Generation Generator Generators Geo Get Gi Git Global Glossaries Glossary Glue Gone Gov Gpus Grant Granted Granting Grants Graph
    Green Grid Group Groups Guest GUI Ha Handle Handler Handshake Handshakes Hapg Hapgs Has Hdfs Head Header Headers Health Healthy
    Heartbeat HI Hierarchy Histories History HIT Hold Home Hook Hooks Host Hosted Hosts Hsm Hsms Http Https Hub Hubs Human Hunks
    Hybrid Hyper Hypervisor Hypervisors IAM Iam ID Id Idc Idempotency Idempotent Identifier Identities Identity Idle IDP Idp Ids If
    Ignore Illegal Image Images Immutable Impersonation Import Imported Imports In Inaccessible Inactive Inbound Incident Included
    Incompatibility Incompatible Incomplete Inconsistent Incorrect Increase Index Indexed Indexes Indices Individual Infer Inference
    Inflight Info Information Infrastructure Infrastructures Ingestion Ingress Initialize Initiate Initiators Injection Inline Input
    Ins Insight Insights Inspection Install Instance Instances Insufficient Integration Integrations Integrity Intelligence
    Intelligent Interconnect Interconnects Interface Interfaces Internal Internet Interrupt Interruptible Into Invalid Invalidate
    Invalidation Invalidations Inventory Investment Investments Invitation Invitations Invite Invocation Invocations Invoice Invoke
    IO Iops IP Ip Ipam Ipams Ips Ipv Irreversible Is Issue Issuer Issuers Item Items Iterable Iteration Iterator Job Jobs Join
    Journal JWT Kafka Keep Keepalive Key Keys Keyspace Keyspaces Keyword Keywords Kinesis KMS Kms Known Ks Label Labeling Labels Lag
    Lags Lakehouse Lambda Language Languages Large Last Latest Launch Layer Layers LB LDAPS Lead Leave Legal Lending Length Letter
    Level Levels Lexeme Lexicon Lexicons License Licenses Life Lifecycle Lifetime Limit Limitations Limits Line Lineage Link Linked
    Links List Listener Listeners Listing Listings Lists Live Liveness Loa Load Local Locale Location Locations Lock Locked Lockout
    Locks Log Logging Login Logs Long Longer Lookup Loop Low Ls Lsa Lustre Mac Machine Machines Mail Mailbox Maintenance Major
    Malformed Managed Management Manager Managing Manifest Manifests Manual Many Map Mapping Mappings Maps Marker Marketplace Marks
    Master Match Matchmaking Material Materialized Max Maximum Media Medical Member Members Membership Memberships Memories Memory
    Merge Message Messages Met Meta Metadata Meter Metering Method Methods Metric Metrics MFA Mfa Microsoft Migrate Migrated
    Migration Migrations Minimum Minor Minutes Mirror Misconfigured Mismatch Missing ML Mlflow Mobile Mode Model Models Moderation
    Modification Modifications Modified Modify Module Monitor Monitored Monitoring Monitors Mount Mounted Move Moved Moving Mpa
    Multi Multicast Multipart Multiple Mutability Mute Name Named Names Nameservers Namespace Namespaces Nat Neighbors Network
    Networking Networks Next NFS Nfs No Node Nodes Non Nonce Nonexistent Norm Not Notebook Notification Notifications Notify Now
    Number Numbers Numeric Object Objects Observability Observation Observations Oci Ocu Odb Of Offering Offerings Offline Offset
    Older Omni On Onboarding Once One Ongoing Only Ontap Open Operating Operation Operations Opportunities Opportunity Ops Opt Opted
    Optimistic Optimization Optimizer Option Options Or Order Orderable Ordering Orders Organization Organizational Organizations
    Origin Origination Origins Out Outbound Outcome Outcomes Outdated Outpost Output Outputs Over Overridable Override Overrides
    Oversized Owned Owner Ownership Pack Package Packages Packaging Packed Packs Page Pages Pagination Pair Pairs Parallel Parameter
    Parameters Parent Parents Parse Parsing Part Partially Partition Partitions Partner Partners Partnership Partnerships Parts
    Party Password Patch Patches Path Paths Pattern Patterns Pause Paused Payer Payload Payment Payments PDF Peer Peered Peering
    Peers Pending Per Performance Period Permanent Permission Permissions Permitted Persistent Person Personal Personas PHI Phone
    Phrases Pickup Pii Pipeline Pipelines Placement Plaintext Plan Plans Platform Platforms Player Pls Plugin Point Points Policies
    Policy Poll Pool Pools Port Portal Portals Portfolio Portfolios Portion Ports Position Post Powers Precondition Preconditions
    Predicates Predict Prediction Predictions Predictive Predictor Predictors Preference Preferences Prefix Premises Prepare
    Prepared Present Presigned Prevented Prevention Preview Price Prices Pricing Primary Principal Principals Prior Priorities
    Priority Privacy Private Privileges Proactive Problem Problems Process Processed Processes Processing Processor Processors
    Procurement Producer Product Production Products Profile Profiles Program Progress Prohibited Project Projected Projects Promote
    Promotions Propagation Propagations Properties Property Proposal Proposals Prospecting Protect Protected Protection Protections
    Protective Protocol Protocols Provide Provided Provider Providers Provision Provisioned Provisioning Proxies Proxy Ps Pub Public
    Publish Published Publisher Pull Purchase Purge Push Put Qev QL Qualification Qualifications Quality Quantities Queries Query
    Queue Queued Queues Quick Quota Quotas Quote Quotes Radius Random Range Ranges Rate Raw Rcs RDS Re Reachability Reached Reaction
    Reactions Read Readable Ready Realtime Reassignment Rebalance Reboot Rebuild Recall Receipt Receipts Receive Received Recently
    Recipe Recipes Recognition Recognize Recognizer Recognizers Recommendation Recommendations Recommended Recommender Recommenders
    Record Recorder Recorders Recording Records Recovery Recursive Recycle Redeem Redirect Redrivable Redrive Redshift Refactor
    Refactors Reference Referenced References Referrers Refresh Refreshes Regeneration Regex Region Regions Register Registered
    Registration Registrations Registries Registry Reject Rejected Related Relational Relationship Relationships Relative Relay
    Relays Release Releases Reload Relying Remediation Remote Remove Rename Render Rendering Renew Reorder Replace Replacement
    Replay Replays Replica Replicas Replicate Replicated Replication Replications Reply Report Reports Repositories Repository
    Reputation Request Requested Requests Required Requirements Rescore Resend Reservation Reservations Reserved Reset Resiliency
    Resize Resolution Resolutions Resolve Resolver Resolvers Resource Resources Respond Response Responsibility Rest Restart Restore
    Restores Restoring Restricted Restriction Result Results Resume Resuming Resync Retention Retirable Retire Retired Retraining
    Retrieval Retrieve Retry Retryable Return Returned Reusable Reuse Revenue Review Reviewable Revision Revisions Revocation
    Revocations Revoke Rightsizing Risk Role Roles Rollback Root Roots Rotate Rotation Rotations Route Router Routers Routes Routing
    Rule Rules Ruleset Rulesets Run Runner Running Runs Runtime Rx Sagemaker Same SAML Saml Sample Sampled Samples Sandbox Sandboxes
    Satisfiable Satisfied Savings Scalable Scaling Scan Scanning Scans Scenario Scenarios Schedule Scheduled Scheduler Schedulers
    Schedules Schema Schemas Scheme Schemes Scope Scopes Score Scores Screenshot Scribe Script Scripts SCSI Sdk Search Searches Sec
    Secondary Secret Secrets Section Security Segment Segments Select Selection Selectors Selfservice Selling Send Sender Sending
    Sensor Sentiment Sequence Serial Serialization Serialized Series Server Serverless Servers Service Servicecatalog Services Ses
    Session Sessions Set Sets Setting Settings Settlement Setup Severity Sha Shapes Shard Shards Share Shared Shares Sharing Shifts
    Shipment Shipping Shrink Shutdown Sight Sign Signal Signals Signature Signer Signers Signing Simulate Single Size Sizes Skewed
    Skip Slack Slot Slots Slow SLR Small SMB Smb SMS Sms Snap Snapshot Snapshots SNOMEDCT Snowball SNS Sns Software Solution
    Solutions Sort Source Sources Space Spaces Speaker Speakers Specific Specification Specifications Specified Specifier Spend
    Split Splitting Spot Sql Squash SSH Ssh SSL Ssml Sso Stabilized Stack Stacks Stage Staging Stale Standby Start Started Starter
    State Statement Statements States Static Statistic Statistics Stats Status Statuses Step Steps Stickiness Still Stop Stoppable
    Stopping Storage Store Stored Storedi Stores Strategy Stream Streamed Streaming Streams String Strings Structure Studio Studios
    Style Sub Subdomain Subdomains Submit Submitted Submodule Subnet Subnets Subscribe Subscribed Subscriber Subscribers
    Subscription Subscriptions Success Such Suggester Suggesters Suggestions Suite Suites Summaries Summary Suppliers Support
    Supportability Supported Suppression Suspend Suspended Swap Switchover Sync Syntax Synthesis Syslog System Systems Table Tables
    Tag Tagging Tags Tail Tape Tapes Target Targeted Targets Task Tasks Team Teams Tel Telemetry Template Templated Templates
    Temporarily Temporary Tenancy Tenant Term Terminal Terminate Terminated Termination Terminologies Terminology Terms Test Tests
    Text Than Theme Thesauri Thesaurus Thing Things Third Three Throttle Throttled Throttling Through Throughput Thumbprint Tier
    Tiering Time Timed Timeout Timestamp Tip Tips Title TLD TLS Tls To Token Tokens Too Top Topic Topics Topology Torrent Total
    Toxic Tpm Tracing Track Tracker Trackers Tracking Tracks Trade Traffic Trail Trails Training Transact Transaction Transactions
    Transcription Transfer Transferability Transfers Transform Transformation Transformer Transformers Transforms Transit Transition
    Transitioning Translate Translation Tree Trend Trial Trials Trigger Triggers Trimmed Trunk Trust Trusted Trusts Ts TTL Tuning
    Tunnel Tunnels Type Types Uefi UI Ui Uis Ultra Unable Unallocated Unassign Unauthenticated Unauthorized Unavailable Unchanged
    Undefined Undeploy Undeprecate Under Unexpected Unfiltered Unhealthy Uninitialized Unique Unit Units Unknown Unlabel Unlink
    Unlock Unmatched Unmodifiable Unmonitor Unpeer Unprocessable Unreachable Unrecognized Unreferenced Unresolvable Unshare
    Unsubscribe Unsupported Untag Up Updatable Update Updated Updates Updating Upgrade Upload Uploaded Uploads Upstream Uri URL Url
    Urls Usage Use Used User Username Users Utilization Valid Validate Validation Validations Validity Value Values Variable
    Variables Vault Vaults Vectors Vehicle Vehicles Vendor Verification Verified Verify Version Versioning Versions Vgw Video View
    Viewer Views Violation Virtual Visibility Visible Vlan Vlans Vm Vocabularies Vocabulary Voice Volume Volumes VPC Vpc VPCE Vpcs
    Vpn VTL WAF Wait Waiting Wallet Warm Warning Warnings Watch Watchlist Watchlists Watermark Way Web Webhook Webhooks Website
    Weights What When While White Whitelisted Widget Will Window Windows With Withdraw Without Work Worker Workers Workflow
    Workflows Workforce Workforces Workgroup Workgroups Working Workload Workloads Workspace Workspaces Workteam Workteams Write Xks
    XML Xss Yet You Zfs Zip Zonal Zone Zones Zs""".split()
)


def is_name(text: bytes) -> bool:
    """Tell whether a text is the name of an operation or an error as AWS makes them (`PutItem`): known words, more than one, no numbers."""
    if len(text) > LONGEST:
        return False
    parts = WORD.findall(text)
    return (len(parts) > 1 or text in SINGLE) and all(part in WORDS or part in NUMBERED for part in parts)


def is_code(text: bytes) -> bool:
    """Tell whether a text is an error code of AWS: a name, or two with a dot (`InvalidVpcID.NotFound`)."""
    return 0 < text.count(b".") + 1 <= 2 and all(map(is_name, text.split(b".")))


def is_target(text: bytes) -> bool:
    """Tell whether a text is an `X-Amz-Target` of a service of AWS."""
    prefix, mark, operation = text.rpartition(b".")
    return bool(mark) and prefix in PREFIXES and is_name(operation)


def is_error(text: bytes) -> bool:
    """Tell whether a text is the name of an error type of AWS, with or without the address of its description."""
    found = ERROR_TYPE.fullmatch(text)
    return found is not None and is_code(found[1])


def is_namespace(text: bytes) -> bool:
    """Tell whether a text is what AWS writes before the `#` of an error type: `com.amazonaws.dynamodb.v20120810`."""
    found = NAMESPACE.fullmatch(text)
    return text in PREFIXES or (found is not None and (found[1] in SERVICES or found[1] == CORAL))
