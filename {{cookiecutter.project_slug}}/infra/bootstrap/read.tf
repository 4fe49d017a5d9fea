# What both roles look at: enough for a plan, and for the difference to the deployed pipelines. No data and no results.
# What Terraform sees encrypted it takes for changed, hence one leave to decrypt.

locals {
  read = [
    {
      # Without a prefix: Terraform looks for workspaces, too.
      Sid      = "FindState"
      Effect   = "Allow"
      Action   = ["s3:ListBucket"]
      Resource = [local.state_arn]
    },
    {
      Sid      = "ReadState"
      Effect   = "Allow"
      Action   = ["s3:GetObject"]
      Resource = ["${local.state_arn}/${var.environment}/*"]
    },
    {
      Sid    = "ReadBuckets"
      Effect = "Allow"
      Action = [
        "s3:GetAccelerateConfiguration", "s3:GetBucketAcl", "s3:GetBucketCORS", "s3:GetBucketLocation",
        "s3:GetBucketLogging", "s3:GetBucketNotification", "s3:GetBucketObjectLockConfiguration",
        "s3:GetBucketOwnershipControls", "s3:GetBucketPolicy", "s3:GetBucketPublicAccessBlock",
        "s3:GetBucketRequestPayment", "s3:GetBucketTagging", "s3:GetBucketVersioning", "s3:GetBucketWebsite",
        "s3:GetEncryptionConfiguration", "s3:GetLifecycleConfiguration", "s3:GetReplicationConfiguration",
        "s3:ListBucket",
      ]
      Resource = local.buckets
    },
    {
      Sid      = "ReadKeys"
      Effect   = "Allow"
      Action   = ["kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListResourceTags"]
      Resource = ["${local.arn.kms}:key/*"]
    },
    {
      # The variables of functions and the parameters of schedules, by way of the services that hand them out.
      Sid      = "ReadEncryptedSettings"
      Effect   = "Allow"
      Action   = ["kms:Decrypt"]
      Resource = ["${local.arn.kms}:key/*"]
      Condition = {
        StringEquals = merge(local.own_resource, {
          "kms:ViaService" = [for service in ["lambda", "scheduler"] : "${service}.${local.region}.${local.domain}"]
        })
      }
    },
    {
      Sid    = "ReadModelsAndPipelines"
      Effect = "Allow"
      Action = [
        "sagemaker:DescribeModelPackageGroup", "sagemaker:DescribePipeline", "sagemaker:GetModelPackageGroupPolicy",
        "sagemaker:ListTags",
      ]
      Resource = concat(local.groups, local.pipeline_set)
    },
    {
      Sid    = "ReadFunctions"
      Effect = "Allow"
      Action = [
        "lambda:GetFunction", "lambda:GetFunctionCodeSigningConfig", "lambda:GetFunctionConfiguration",
        "lambda:GetFunctionEventInvokeConfig", "lambda:GetPolicy", "lambda:ListTags", "lambda:ListVersionsByFunction",
      ]
      Resource = ["${local.arn.lambda}:function:${local.stem}-*"]
    },
    {
      Sid    = "ReadTable"
      Effect = "Allow"
      Action = [
        "dynamodb:DescribeContinuousBackups", "dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive",
        "dynamodb:ListTagsOfResource",
      ]
      Resource = ["${local.arn.dynamodb}:table/${local.stem}-*"]
    },
    {
      Sid      = "ReadRules"
      Effect   = "Allow"
      Action   = ["events:DescribeRule", "events:ListTagsForResource", "events:ListTargetsByRule"]
      Resource = ["${local.arn.events}:rule/${local.stem}-*"]
    },
    {
      Sid      = "ReadSchedules"
      Effect   = "Allow"
      Action   = ["scheduler:GetSchedule", "scheduler:GetScheduleGroup", "scheduler:ListTagsForResource"]
      Resource = local.schedules
    },
    {
      Sid      = "ReadTopic"
      Effect   = "Allow"
      Action   = ["sns:GetTopicAttributes", "sns:ListTagsForResource"]
      Resource = ["${local.arn.sns}:${local.stem}-*"]
    },
    {
      Sid      = "ReadQueues"
      Effect   = "Allow"
      Action   = ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListQueueTags"]
      Resource = ["${local.arn.sqs}:${local.stem}-*"]
    },
    {
      Sid      = "ReadParameters"
      Effect   = "Allow"
      Action   = ["ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath", "ssm:ListTagsForResource"]
      Resource = local.parameters
    },
    {
      Sid      = "ReadAlarms"
      Effect   = "Allow"
      Action   = ["cloudwatch:GetDashboard", "cloudwatch:ListTagsForResource"]
      Resource = ["${local.arn.cloudwatch}:alarm:${local.stem}-*", local.dashboard]
    },
    {
      Sid      = "ReadBudget"
      Effect   = "Allow"
      Action   = ["budgets:ListTagsForResource", "budgets:ViewBudget"]
      Resource = [local.budget]
    },
    {
      Sid      = "ReadLogGroups"
      Effect   = "Allow"
      Action   = ["logs:ListTagsForResource"]
      Resource = local.log_groups
    },
    {
      Sid    = "ReadRoles"
      Effect = "Allow"
      Action = [
        "iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListInstanceProfilesForRole",
        "iam:ListRolePolicies",
      ]
      Resource = ["${local.roles}-*"]
    },
    {
      Sid      = "ReadNetwork"
      Effect   = "Allow"
      Action   = ["ec2:DescribeVpcAttribute"]
      Resource = ["${local.arn.ec2}:vpc/*"]
    },
    {
      # These take no narrower resource.
      Sid    = "WithoutResource"
      Effect = "Allow"
      Action = [
        "cloudwatch:DescribeAlarms", "ec2:DescribeAvailabilityZones", "ec2:DescribeFlowLogs", "ec2:DescribeNetworkAcls",
        "ec2:DescribeNetworkInterfaces", "ec2:DescribePrefixLists", "ec2:DescribeRouteTables",
        "ec2:DescribeSecurityGroupRules", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets",
        "ec2:DescribeVpcEndpoints", "ec2:DescribeVpcs", "kms:ListAliases", "logs:DescribeLogGroups",
        "sns:GetSubscriptionAttributes", "ssm:DescribeParameters",
      ]
      Resource = ["*"]
    },
  ]

  schedules = ["${local.arn.scheduler}:schedule-group/${local.stem}", "${local.arn.scheduler}:schedule/${local.stem}/*"]
  dashboard = "arn:${local.partition}:cloudwatch::${local.account_id}:dashboard/${local.stem}"
  budget    = "arn:${local.partition}:budgets::${local.account_id}:budget/${local.stem}"
}
