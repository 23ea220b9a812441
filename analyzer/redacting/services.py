"""Labels by which AWS names its services in host names: in others, what stands there may be a customer's."""

from __future__ import annotations

SERVICES = frozenset(
    b"""access-analyzer account account-id acm acm-pca agreement-marketplace airflow amplify amplifybackend amplifyuibuilder aos
    aoss apigateway app-integrations appconfig appconfigdata appflow application-autoscaling applicationinsights appmesh apprunner
    appstream2 appsync aps arc-zonal-shift athena ats auditmanager autoscaling autoscaling-plans awsapps backup backup-gateway batch
    bedrock bedrock-agent bedrock-agent-runtime bedrock-runtime billingconductor braket budgets cases cassandra catalog ce chime
    cleanrooms cloud9 cloudcontrolapi clouddirectory cloudformation cloudfront cloudhsm cloudhsmv2 cloudsearch cloudtrail
    cloudtrail-data codeartifact codebuild codecatalyst codecommit codedeploy codeguru-profiler codeguru-reviewer codepipeline
    codestar-connections codestar-notifications cognito-identity cognito-idp cognito-sync comprehend comprehendmedical compute
    compute-optimizer config connect connect-campaigns console contact-lens controltower cost-optimization-hub cur data data-ats
    databrew dataexchange datapipeline datasync datazone dax dax-clusters ddb detective devicefarm devops-guru directconnect
    discovery dkr dlm dms docdb drs ds dynamodb dynamodb-fips ebs ec2 ecr ecr-public ecs edge eks eks-auth elasticache
    elasticbeanstalk elasticfilesystem elasticloadbalancing elasticmapreduce elb email emr-containers emr-serverless entitlement
    entitlement-marketplace es events eventsv2 execute-api firehose fms forecast forecastquery frauddetector fsx gamelift
    gameliftstreams geo glacier global globalaccelerator glue grafana greengrass greengrass-ats groundstation guardduty health
    healthlake iam identity-chime identitystore importexport ingest inspector inspector2 internetmonitor iot iot-tunneling
    iotdeviceadvisor iotfleetwise iotsecuredtunneling iotsitewise iotthingsgraph iottwinmaker iotwireless ivs ivschat ivsrealtime
    jobs kafka kafkaconnect kendra kendra-ranking kinesis kinesisanalytics kinesisvideo kms kms-fips lakeformation lambda lambda-url
    lex license-manager license-manager-linux-subscriptions license-manager-user-subscriptions lightsail logs lookoutequipment m2
    machinelearning macie2 managedblockchain managedblockchain-query marketplace marketplacecommerceanalytics media-pipelines-chime
    mediaconnect mediaconvert medialive mediapackage mediapackage-vod mediapackagev2 mediastore mediatailor meetings-chime memory-db
    messaging-chime metering metering-marketplace metrics mgh mgn migrationhub-orchestrator migrationhub-strategy mobileanalytics
    models models-v2-lex monitoring mq mturk-requester mturk-requester-sandbox neptune network-firewall networkmanager notifications
    notifications-contacts nova-act oam oidc omics organizations osis outposts participant partnercentral-channel personalize pi
    pinpoint pipes polly portal pricing profile proton qbusiness query queue quicksight ram rbin rds rds-data redshift
    redshift-serverless rekognition resiliencehub resource-groups rolesanywhere route53 route53-recovery-control-config
    route53domains route53profiles route53resolver rum runtime runtime-v2-lex s3 s3-accesspoint s3-control s3-fips s3-outposts
    s3-website s3express sagemaker sagemaker-geospatial savingsplans scheduler schemas sdb search-ddb search-dynamodb secretsmanager
    securityhub securitylake serverlessrepo servicecatalog servicecatalog-appregistry servicediscovery servicequotas shield signer
    signin sms-voice snowball sns sqs sqs-fips ssm ssm-contacts ssm-incidents ssm-quicksetup ssm-sap sso states storagegateway
    streams streams-ddb streams-dynamodb sts sts-fips support supportapp swf synthetics tagging tax textract thinclient timestream
    transcribe transcribestreaming transfer translate trustedadvisor tunneling verification verifiedpermissions voice-chime voiceid
    vpc-lattice vpce waf waf-regional wafv2 wellarchitected wisdom workdocs workmail workspaces workspaces-web xray""".split()
)
"""Of the SDKs' `endpoints.json` of all partitions, and of what customers make under AWS's suffixes (interfaces, databases, functions)."""
