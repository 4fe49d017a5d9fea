# What both CI roles may read: enough for `terraform plan` and `mlops diff`, but neither data nor results. They may
# decrypt some settings, because Terraform would report encrypted ones as changed.

locals {
  read = {
    # Without a prefix, because Terraform also lists workspaces.
    FindState = {
      Action   = ["s3:ListBucket"]
      Resource = [local.state_arn]
    }
    ReadState = {
      Action   = ["s3:GetObject"]
      Resource = ["${local.state_arn}/${var.environment}/*"]
    }
    ReadBuckets = {
      Action = [
        "s3:GetAccelerateConfiguration", "s3:GetBucketAcl", "s3:GetBucketCORS", "s3:GetBucketLocation",
        "s3:GetBucketLogging", "s3:GetBucketNotification", "s3:GetBucketObjectLockConfiguration",
        "s3:GetBucketOwnershipControls", "s3:GetBucketPolicy", "s3:GetBucketPublicAccessBlock",
        "s3:GetBucketRequestPayment", "s3:GetBucketTagging", "s3:GetBucketVersioning", "s3:GetBucketWebsite",
        "s3:GetEncryptionConfiguration", "s3:GetLifecycleConfiguration", "s3:GetReplicationConfiguration",
        "s3:ListBucket",
      ]
      Resource = local.buckets
    }
    ReadKeys = {
      Action   = ["kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListResourceTags"]
      Resource = ["${local.arn.kms}:key/*"]
    }
    # The variables of functions and the parameters of schedules, only through the services that return them.
    ReadEncryptedSettings = {
      Action   = ["kms:Decrypt"]
      Resource = ["${local.arn.kms}:key/*"]
      Condition = {
        StringEquals = merge(local.own_resource, {
          "kms:ViaService" = [for service in ["lambda", "scheduler"] : "${service}.${local.region}.${local.domain}"]
        })
      }
    }
    ReadModelsAndPipelines = {
      Action = [
        "sagemaker:DescribeModelPackageGroup", "sagemaker:DescribePipeline", "sagemaker:GetModelPackageGroupPolicy",
        "sagemaker:ListTags",
      ]
      Resource = concat(local.groups, local.pipeline_set)
    }
    ReadFunctions = {
      Action = [
        "lambda:GetFunction", "lambda:GetFunctionCodeSigningConfig", "lambda:GetFunctionConfiguration",
        "lambda:GetFunctionEventInvokeConfig", "lambda:GetPolicy", "lambda:ListTags", "lambda:ListVersionsByFunction",
      ]
      Resource = ["${local.arn.lambda}:function:${local.name_prefix}-*"]
    }
    ReadTable = {
      Action = [
        "dynamodb:DescribeContinuousBackups", "dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive",
        "dynamodb:ListTagsOfResource",
      ]
      Resource = ["${local.arn.dynamodb}:table/${local.name_prefix}-*"]
    }
    ReadRules = {
      Action   = ["events:DescribeRule", "events:ListTagsForResource", "events:ListTargetsByRule"]
      Resource = ["${local.arn.events}:rule/${local.name_prefix}-*"]
    }
    ReadSchedules = {
      Action   = ["scheduler:GetSchedule", "scheduler:GetScheduleGroup", "scheduler:ListTagsForResource"]
      Resource = local.schedules
    }
    ReadTopic = {
      Action   = ["sns:GetTopicAttributes", "sns:ListTagsForResource"]
      Resource = ["${local.arn.sns}:${local.name_prefix}-*"]
    }
    ReadQueues = {
      Action   = ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListQueueTags"]
      Resource = ["${local.arn.sqs}:${local.name_prefix}-*"]
    }
    ReadParameters = {
      Action   = ["ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath", "ssm:ListTagsForResource"]
      Resource = local.parameters
    }
    ReadAlarms = {
      Action   = ["cloudwatch:GetDashboard", "cloudwatch:ListTagsForResource"]
      Resource = ["${local.arn.cloudwatch}:alarm:${local.name_prefix}-*", local.dashboard]
    }
    ReadBudget = {
      Action   = ["budgets:ListTagsForResource", "budgets:ViewBudget"]
      Resource = [local.budget]
    }
    ReadLogGroups = {
      Action   = ["logs:ListTagsForResource"]
      Resource = local.log_groups
    }
    ReadRoles = {
      Action = [
        "iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListInstanceProfilesForRole",
        "iam:ListRolePolicies",
      ]
      Resource = ["${local.roles}-*"]
    }
    ReadNetwork = {
      Action   = ["ec2:DescribeVpcAttribute"]
      Resource = ["${local.arn.ec2}:vpc/*"]
    }
    # Actions without resource-level permissions.
    WithoutResource = {
      Action = [
        "cloudwatch:DescribeAlarms", "ec2:DescribeAvailabilityZones", "ec2:DescribeFlowLogs", "ec2:DescribeNetworkAcls",
        "ec2:DescribeNetworkInterfaces", "ec2:DescribePrefixLists", "ec2:DescribeRouteTables",
        "ec2:DescribeSecurityGroupRules", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets",
        "ec2:DescribeVpcEndpoints", "ec2:DescribeVpcs", "kms:ListAliases", "logs:DescribeLogGroups",
        "sns:GetSubscriptionAttributes", "ssm:DescribeParameters",
      ]
      Resource = ["*"]
    }
  }

  schedules = [
    "${local.arn.scheduler}:schedule-group/${local.name_prefix}",
    "${local.arn.scheduler}:schedule/${local.name_prefix}/*",
  ]

  dashboard = "arn:${local.partition}:cloudwatch::${local.account_id}:dashboard/${local.name_prefix}"
  budget    = "arn:${local.partition}:budgets::${local.account_id}:budget/${local.name_prefix}"
}
