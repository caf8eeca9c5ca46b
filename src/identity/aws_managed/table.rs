//! The AWS managed policies that this broker has, and what AWS says about each: path, id, version, dates, description.
//!
//! Source: the AWS Managed Policy Reference, one page per policy, as of November 2026; the ids are those that `GetPolicy` answers in
//! every account of AWS; those of `IDS_MADE_UP` could not be found out.

use super::AwsPolicy;

macro_rules! policies {
    ($($path:literal $name:literal $version:literal $id:literal $created:literal $updated:literal $description:literal;)*) => {
        &[$(AwsPolicy {
            name: $name,
            path: $path,
            id: $id,
            version: $version,
            created: $created,
            updated: $updated,
            description: $description,
            document: include_str!(concat!("documents/", $name, ".json")),
        }),*]
    };
}

/// In the order of their names, in lower case.
pub(super) static TABLE: &[AwsPolicy] = policies! {
    "/" "AdministratorAccess" 1 "ANPAIWMBCKSKIEE64ZLYK" "2015-02-06T18:39:46Z" "2015-02-06T18:39:46Z"
        "Provides full access to AWS services and resources.";
    "/" "AmazonAPIGatewayAdministrator" 1 "ANPAJ4PT6VY5NLKTNUYSI" "2015-07-09T17:34:45Z" "2015-07-09T17:34:45Z"
        "Provides full access to create/edit/delete APIs in Amazon API Gateway via the AWS Management Console.";
    "/" "AmazonAPIGatewayInvokeFullAccess" 2 "ANPAIIWAX2NOOQJ4AIEQ6" "2015-07-09T17:36:12Z" "2018-12-18T18:25:10Z"
        "Provides full access to invoke APIs in Amazon API Gateway.";
    "/" "AmazonDynamoDBFullAccess" 15 "ANPAINUGF2JSOSUY76KYA" "2015-02-06T18:40:11Z" "2021-01-29T17:38:30Z"
        "Provides full access to Amazon DynamoDB via the AWS Management Console.";
    "/" "AmazonDynamoDBReadOnlyAccess" 15 "ANPAIY2XFNA232XJ6J7X2" "2015-02-06T18:40:12Z" "2024-11-18T17:38:15Z"
        "Provides read only access to Amazon DynamoDB via the AWS Management Console.";
    "/" "AmazonEC2ContainerRegistryPowerUser" 3 "ANPAJDNE5PIHROIBGGDDW" "2015-12-21T17:05:33Z" "2019-12-10T20:48:08Z"
        "Provides full access to Amazon EC2 Container Registry repositories, but does not allow repository deletion or \
         policy changes.";
    "/" "AmazonEC2ContainerRegistryReadOnly" 3 "ANPAIFYZPA37OOHVIH7KQ" "2015-12-21T17:04:15Z" "2019-12-10T20:56:32Z"
        "Provides read-only access to Amazon EC2 Container Registry repositories.";
    "/" "AmazonEC2FullAccess" 5 "ANPAI3VAJF5ZCRZ7MCQE6" "2015-02-06T18:40:15Z" "2018-11-27T02:16:56Z"
        "Provides full access to Amazon EC2 via the AWS Management Console.";
    "/" "AmazonEC2ReadOnlyAccess" 5 "ANPAIGDT4SV4GSETWTBZK" "2015-02-06T18:40:17Z" "2026-02-12T18:03:17Z"
        "Provides read only access to Amazon EC2 via the AWS Management Console.";
    "/service-role/" "AmazonECSTaskExecutionRolePolicy" 1 "ANPAJG4T4G4PV56DE72PY" "2017-11-16T18:48:22Z" "2017-11-16T18:48:22Z"
        "Provides access to other AWS service resources that are required to run Amazon ECS tasks";
    "/" "AmazonKinesisFullAccess" 1 "ANPAIVF32HAMOXCUYRAYE" "2015-02-06T18:40:29Z" "2015-02-06T18:40:29Z"
        "Provides full access to all streams via the AWS Management Console.";
    "/" "AmazonKinesisReadOnlyAccess" 1 "ANPAIOCMTDT5RLKZ2CAJO" "2015-02-06T18:40:30Z" "2015-02-06T18:40:30Z"
        "Provides read only access to all streams via the AWS Management Console.";
    "/" "AmazonRDSFullAccess" 14 "ANPAI3R4QMOG6Q5A4VWVG" "2015-02-06T18:40:52Z" "2023-08-17T23:00:17Z"
        "Provides full access to Amazon RDS via the AWS Management Console.";
    "/" "AmazonRDSReadOnlyAccess" 7 "ANPAJKTTTYV2IIHKLZ346" "2015-02-06T18:40:53Z" "2023-04-14T12:32:09Z"
        "Provides read only access to Amazon RDS via the AWS Management Console.";
    "/" "AmazonS3FullAccess" 2 "ANPAIFIR6V6BVTRAHWINE" "2015-02-06T18:40:58Z" "2021-09-27T20:16:37Z"
        "Provides full access to all buckets via the AWS Management Console.";
    "/" "AmazonS3ReadOnlyAccess" 3 "ANPAIZTJ4DXE7G6AGAE6M" "2015-02-06T18:40:59Z" "2023-08-10T21:31:39Z"
        "Provides read only access to all buckets via the AWS Management Console.";
    "/" "AmazonSNSFullAccess" 2 "ANPAJWEKLCXXUNT2SOLSG" "2015-02-06T18:41:05Z" "2024-09-24T22:32:05Z"
        "Provides full access to Amazon SNS via the AWS Management Console.";
    "/" "AmazonSNSReadOnlyAccess" 2 "ANPAIZGQCQTFOFPMHSB6W" "2015-02-06T18:41:06Z" "2024-09-24T22:13:12Z"
        "Provides read only access to Amazon SNS via the AWS Management Console.";
    "/" "AmazonSQSFullAccess" 1 "ANPAI65L554VRJ33ECQS6" "2015-02-06T18:41:07Z" "2015-02-06T18:41:07Z"
        "Provides full access to Amazon SQS via the AWS Management Console.";
    "/" "AmazonSQSReadOnlyAccess" 4 "ANPAIUGSSQY362XGCM6KW" "2015-02-06T18:41:08Z" "2024-05-24T18:16:44Z"
        "Provides read only access to Amazon SQS via the AWS Management Console.";
    "/" "AmazonSSMFullAccess" 4 "ANPAJA7V6HI4ISQFMDYAG" "2015-05-29T17:39:47Z" "2019-11-20T20:08:56Z"
        "Provides full access to Amazon SSM.";
    "/" "AmazonSSMManagedInstanceCore" 2 "ANPAIXSHM2BNB2D3AXXRU" "2019-03-15T17:22:12Z" "2019-05-23T16:54:21Z"
        "The policy for Amazon EC2 Role to enable AWS Systems Manager service core functionality.";
    "/" "AmazonSSMReadOnlyAccess" 1 "ANPAJODSKQGGJTHRYZ5FC" "2015-05-29T17:44:19Z" "2015-05-29T17:44:19Z"
        "Provides read only access to Amazon SSM.";
    "/" "AWSDenyAll" 2 "ANPAZKAPJZG4P43IUQ5E5" "2019-05-01T22:36:14Z" "2023-12-18T16:42:05Z"
        "Deny all access.";
    "/" "AWSKeyManagementServicePowerUser" 2 "ANPAJNPP7PPPPMJRV2SA4" "2015-02-06T18:40:40Z" "2017-03-07T00:55:11Z"
        "Provides access to AWS Key Management Service (KMS).";
    "/" "AWSLambda_FullAccess" 7 "ANPAGF34ENECDFIAIELLP" "2020-11-17T21:14:08Z" "2026-02-12T18:00:51Z"
        "Grants full access to AWS Lambda service, AWS Lambda console features, and other related AWS services.";
    "/" "AWSLambda_ReadOnlyAccess" 5 "ANPATN5C2KPYHTPDBAVLX" "2020-11-17T21:10:32Z" "2026-02-12T18:02:55Z"
        "Grants read-only access to AWS Lambda service, AWS Lambda console features, and other related AWS services.";
    "/service-role/" "AWSLambdaBasicExecutionRole" 1 "ANPAJNCQGXC42545SKXIK" "2015-04-09T15:03:43Z" "2015-04-09T15:03:43Z"
        "Provides write permissions to CloudWatch Logs.";
    "/service-role/" "AWSLambdaDynamoDBExecutionRole" 1 "ANPAIP7WNAGMIPYNW4WQG" "2015-04-09T15:09:29Z" "2015-04-09T15:09:29Z"
        "Provides list and read access to DynamoDB streams and write permissions to CloudWatch logs.";
    "/service-role/" "AWSLambdaSQSQueueExecutionRole" 1 "ANPAJFWJZI6JNND4TSELK" "2018-06-14T21:50:45Z" "2018-06-14T21:50:45Z"
        "Provides receive message, delete message, and read attribute access to SQS queues, and write permissions to \
         CloudWatch logs.";
    "/service-role/" "AWSLambdaVPCAccessExecutionRole" 3 "ANPAJVTME3YLVNL72YR2K" "2016-02-11T23:15:26Z" "2024-01-05T22:38:26Z"
        "Provides minimum permissions for a Lambda function to execute while accessing a resource within a VPC - create, \
         describe, delete network interfaces and write permissions to CloudWatch Logs.";
    "/" "AWSOrganizationsFullAccess" 9 "ANPAJZXBNRCJKNLQHSB5M" "2018-11-06T20:31:57Z" "2026-02-12T17:59:07Z"
        "Provides full access to AWS Organizations.";
    "/" "AWSOrganizationsReadOnlyAccess" 6 "ANPAJY5RQATUV77PEPVOM" "2018-11-06T20:32:38Z" "2024-06-07T21:32:16Z"
        "Provides read-only access to AWS Organizations.";
    "/" "AWSStepFunctionsFullAccess" 1 "ANPAJXKA6VP3UFBVHDPPA" "2017-01-11T21:51:32Z" "2017-01-11T21:51:32Z"
        "An access policy for providing a user/role/etc access to the AWS StepFunctions APIs. For full console access, in \
         addition to this policy, a user may need iam:PassRole permission on at least one IAM role that can be assumed by \
         the service.";
    "/" "AWSXRayDaemonWriteAccess" 2 "ANPAIOE47HSUE5AVBNEDM" "2018-08-28T23:00:33Z" "2024-02-13T21:58:30Z"
        "Allow the AWS X-Ray Daemon to relay raw trace segments data to the service's API and retrieve sampling data \
         (rules, targets, etc.) to be used by the X-Ray SDK.";
    "/" "CloudWatchAgentServerPolicy" 3 "ANPAIGOPKN7KRDAKTLG4I" "2018-03-07T01:06:44Z" "2024-02-06T16:37:37Z"
        "Permissions required to use AmazonCloudWatchAgent on servers";
    "/" "CloudWatchFullAccess" 4 "ANPAIKEABORKUXN6DEAZU" "2015-02-06T18:40:00Z" "2022-11-27T13:23:49Z"
        "Provides full access to CloudWatch.";
    "/" "CloudWatchLogsFullAccess" 8 "ANPAJ3ZGNWK2R5HW5BQFO" "2015-02-06T18:40:02Z" "2026-02-12T18:00:33Z"
        "Provides full access to CloudWatch Logs";
    "/" "CloudWatchLogsReadOnlyAccess" 12 "ANPAJ2YIYDYSNNEHK3VKW" "2015-02-06T18:40:03Z" "2026-02-12T17:59:13Z"
        "Provides read only access to CloudWatch Logs";
    "/" "CloudWatchReadOnlyAccess" 25 "ANPAJN23PDQP7SZQAE3QE" "2015-02-06T18:40:01Z" "2026-09-22T16:57:07Z"
        "Provides read only access to CloudWatch.";
    "/job-function/" "DatabaseAdministrator" 5 "ANPAIGBMAW4VUQKOQNVT6" "2016-11-10T17:25:43Z" "2026-02-12T18:02:20Z"
        "Grants full access permissions to AWS services and actions required to set up and configure AWS database \
         services.";
    "/" "IAMAccessAdvisorReadOnly" 1 "ANPAGE3XJ43T3PNQJ7HQK" "2019-06-21T19:33:45Z" "2019-06-21T19:33:45Z"
        "This policy grants access to read all access information provided by IAM access advisor such as service last \
         accessed information.";
    "/root-task/" "IAMAuditRootUserCredentials" 1 "ANPATCXXWBWWE4G5XZIRB" "2024-11-06T22:27:58Z" "2024-11-06T22:27:58Z"
        "";
    "/root-task/" "IAMCreateRootUserPassword" 1 "ANPAALXXSGO7M74D2OXPR" "2024-11-06T22:32:59Z" "2024-11-06T22:32:59Z"
        "";
    "/root-task/" "IAMDeleteRootUserCredentials" 1 "ANPA5GHZKIN3PDGAFRCC2" "2024-11-06T22:47:58Z" "2024-11-06T22:47:58Z"
        "";
    "/" "IAMFullAccess" 2 "ANPAI7XKCFMBPM3QQRRVQ" "2015-02-06T18:40:38Z" "2019-06-21T19:40:00Z"
        "Provides full access to IAM via the AWS Management Console.";
    "/" "IAMReadOnlyAccess" 4 "ANPAJKSO7NDY4T57MWDSQ" "2015-02-06T18:40:39Z" "2018-01-25T19:11:27Z"
        "Provides read only access to IAM via the AWS Management Console.";
    "/" "IAMSelfManageServiceSpecificCredentials" 1 "ANPAI4VT74EMXK2PMQJM2" "2016-12-22T17:25:18Z" "2016-12-22T17:25:18Z"
        "Allows an IAM user to manage their own Service Specific Credentials.";
    "/" "IAMUserChangePassword" 5 "ANPAJ4L4MM2A7QIEB56MS" "2016-11-15T00:25:16Z" "2026-02-12T17:58:57Z"
        "Provides the ability for an IAM user to change their own password.";
    "/" "IAMUserSSHKeys" 1 "ANPAJTSHUA4UXGXU7ANUA" "2015-07-09T17:08:54Z" "2015-07-09T17:08:54Z"
        "Provides the ability for an IAM user to manage their own SSH keys.";
    "/job-function/" "NetworkAdministrator" 16 "ANPAJPNMADZFJCVPJVZA2" "2016-11-10T17:31:35Z" "2026-07-09T14:42:15Z"
        "Grants full access permissions to AWS services and actions required to set up and configure AWS network \
         resources.";
    "/" "PowerUserAccess" 12 "ANPAJYRXTHIB4FOVS3ZXS" "2015-02-06T18:39:47Z" "2026-02-12T17:59:14Z"
        "Provides full access to AWS services and resources, but does not allow management of Users and groups.";
    "/" "ReadOnlyAccess" 190 "ANPAILL3HVNFSB6DCOWYQ" "2015-02-06T18:39:48Z" "2026-09-24T17:37:08Z"
        "Provides read-only access to AWS services and resources.";
    "/root-task/" "S3UnlockBucketPolicy" 1 "ANPA3NDKRICE45INXGMI6" "2024-11-06T21:55:56Z" "2024-11-06T21:55:56Z"
        "";
    "/" "SecretsManagerReadWrite" 6 "ANPAI3VG7CI5BIQZQ6G2E" "2018-04-04T18:05:29Z" "2026-08-25T23:37:10Z"
        "Provides read/write access to AWS Secrets Manager via the AWS Management Console. Note: this exludes IAM \
         actions, so combine with IAMFullAccess if rotation configuration is required.";
    "/" "SecurityAudit" 94 "ANPAIX2T3QCXHR2OGGCTO" "2015-02-06T18:41:01Z" "2026-09-30T20:27:08Z"
        "The security audit template grants access to read security configuration metadata. It is useful for software \
         that audits the configuration of an AWS account.";
    "/" "SignInLocalDevelopmentAccess" 3 "ANPAFYFAAJ43O4GCOT7OO" "2025-11-19T18:34:09Z" "2026-02-12T17:59:05Z"
        "";
    "/root-task/" "SQSUnlockQueuePolicy" 1 "ANPAYCRMSFBXHKQFGJEVA" "2024-11-06T21:51:02Z" "2024-11-06T21:51:02Z"
        "";
    "/job-function/" "SupportUser" 11 "ANPAI3V4GSSN5SJY3P2RO" "2016-11-10T17:21:53Z" "2026-02-12T18:03:12Z"
        "This policy grants permissions to troubleshoot and resolve issues in an AWS account. This policy also enables \
         the user to contact AWS support to create and manage cases.";
    "/job-function/" "SystemAdministrator" 12 "ANPAITJPEZXCYCBXANDSW" "2016-11-10T17:23:56Z" "2026-02-12T18:02:37Z"
        "Grants full access permissions necessary for resources required for application and development operations.";
    "/job-function/" "ViewOnlyAccess" 46 "ANPAID22R6XPJATWOFDK6" "2016-11-10T17:20:15Z" "2026-09-30T20:27:08Z"
        "This policy grants permissions to view resources and basic metadata across all AWS services.";
};

/// The policies whose ids are made up, in AWS's form.
pub(super) const IDS_MADE_UP: &[&str] = &[
    "AWSLambda_FullAccess",
    "AWSLambda_ReadOnlyAccess",
    "IAMAccessAdvisorReadOnly",
    "IAMAuditRootUserCredentials",
    "IAMCreateRootUserPassword",
    "IAMDeleteRootUserCredentials",
    "S3UnlockBucketPolicy",
    "SignInLocalDevelopmentAccess",
    "SQSUnlockQueuePolicy",
];
