# The permissions boundary of all roles of the environment. It is wider than any of their policies and limited to the
# project: a new function needs no administrator, a new service does.

locals {
  boundary = {
    Data = {
      Action = [
        "s3:AbortMultipartUpload", "s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket",
        "s3:ListMultipartUploadParts", "s3:PutObject",
      ]
      Resource = [local.buckets[0], "${local.buckets[0]}/*"]
    }
    Key = {
      Action    = ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"]
      Resource  = ["${local.arn.kms}:key/*"]
      Condition = { StringEquals = local.own_resource }
    }
    Jobs = {
      Action = [
        "sagemaker:AddTags", "sagemaker:CreateHyperParameterTuningJob", "sagemaker:CreateModel",
        "sagemaker:CreateProcessingJob", "sagemaker:CreateTrainingJob", "sagemaker:CreateTransformJob",
        "sagemaker:DescribeHyperParameterTuningJob", "sagemaker:DescribeModel", "sagemaker:DescribeProcessingJob",
        "sagemaker:DescribeTrainingJob", "sagemaker:DescribeTransformJob",
        "sagemaker:ListTrainingJobsForHyperParameterTuningJob", "sagemaker:StopHyperParameterTuningJob",
        "sagemaker:StopProcessingJob", "sagemaker:StopTrainingJob", "sagemaker:StopTransformJob",
      ]
      Resource = [
        for type in ["hyper-parameter-tuning-job", "model", "processing-job", "training-job", "transform-job"] :
        "${local.arn.sagemaker}:${type}/*"
      ]
    }
    ModelsAndPipelines = {
      Action = [
        "sagemaker:AddTags", "sagemaker:CreateModelPackage", "sagemaker:DescribeModelPackage",
        "sagemaker:DescribeModelPackageGroup", "sagemaker:DescribePipeline", "sagemaker:DescribePipelineExecution",
        "sagemaker:ListModelPackages", "sagemaker:ListPipelineExecutions", "sagemaker:ListPipelineExecutionSteps",
        "sagemaker:ListPipelineParametersForExecution", "sagemaker:StartPipelineExecution",
      ]
      Resource = concat(local.groups, local.packages, local.pipeline_set)
    }
    Functions = {
      Action   = ["lambda:InvokeFunction"]
      Resource = ["${local.arn.lambda}:function:${local.name_prefix}-*"]
    }
    PassRoleToJobs = {
      Action    = ["iam:PassRole"]
      Resource  = ["${local.roles}-pipeline"]
      Condition = { StringEquals = { "iam:PassedToService" = "sagemaker.amazonaws.com" } }
    }
    Tables = {
      Action = [
        "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem",
      ]
      Resource = ["${local.arn.dynamodb}:table/${local.name_prefix}-*"]
    }
    Messages = {
      Action = ["events:PutEvents", "sns:Publish", "sqs:SendMessage"]
      Resource = [
        "${local.arn.events}:event-bus/default", "${local.arn.sns}:${local.name_prefix}-*",
        "${local.arn.sqs}:${local.name_prefix}-*",
      ]
    }
    # SageMaker defines the log groups of jobs, and all projects of the account share them.
    Logs = {
      Action = [
        "logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents",
      ]
      Resource = concat(
        ["${local.arn.logs}:log-group:/aws/sagemaker/*"], [for group in local.log_groups : "${group}:*"],
      )
    }
    # SageMaker's own images are in accounts of AWS.
    Images = {
      Action = [
        "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer",
      ]
      Resource = ["arn:${local.partition}:ecr:*:*:repository/*"]
    }
    # Subnets may be shared by another account.
    NetworkInterfaces = {
      Action = [
        "ec2:CreateNetworkInterface", "ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface",
        "ec2:DeleteNetworkInterfacePermission",
      ]
      Resource = [
        for type in ["network-interface", "security-group", "subnet"] :
        "arn:${local.partition}:ec2:${local.region}:*:${type}/*"
      ]
    }
    # Actions without resource-level permissions.
    WithoutResource = {
      Action = [
        "cloudwatch:PutMetricData", "ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs", "ecr:GetAuthorizationToken",
        "logs:DescribeLogGroups", "xray:PutTelemetryRecords", "xray:PutTraceSegments",
      ]
      Resource = ["*"]
    }
  }
}

resource "aws_iam_policy" "boundary" {
  name        = "${local.name_prefix}-boundary"
  description = "The most that a role of ${local.name_prefix} can do." # a change would replace the policy

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [for sid, statement in local.boundary : merge({ Sid = sid, Effect = "Allow" }, statement)]
  })
}
