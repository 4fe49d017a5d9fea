# The most that a role of this environment can ever do, whatever its own policies say. It is wider than any of them, and
# ends at the project: a new function needs no administrator, a new service does.

locals {
  boundary = [
    {
      Sid    = "Data"
      Effect = "Allow"
      Action = [
        "s3:AbortMultipartUpload", "s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket",
        "s3:ListMultipartUploadParts", "s3:PutObject",
      ]
      Resource = [local.buckets[0], "${local.buckets[0]}/*"]
    },
    {
      Sid       = "Key"
      Effect    = "Allow"
      Action    = ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"]
      Resource  = ["${local.arn.kms}:key/*"]
      Condition = { StringEquals = local.own_resource }
    },
    {
      Sid    = "Jobs"
      Effect = "Allow"
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
    },
    {
      Sid    = "ModelsAndPipelines"
      Effect = "Allow"
      Action = [
        "sagemaker:AddTags", "sagemaker:CreateModelPackage", "sagemaker:DescribeModelPackage",
        "sagemaker:DescribeModelPackageGroup", "sagemaker:DescribePipeline", "sagemaker:DescribePipelineExecution",
        "sagemaker:ListModelPackages", "sagemaker:ListPipelineExecutions", "sagemaker:ListPipelineExecutionSteps",
        "sagemaker:ListPipelineParametersForExecution", "sagemaker:StartPipelineExecution",
      ]
      Resource = concat(local.groups, local.packages, local.pipeline_set)
    },
    {
      Sid      = "Functions"
      Effect   = "Allow"
      Action   = ["lambda:InvokeFunction"]
      Resource = ["${local.arn.lambda}:function:${local.stem}-*"]
    },
    {
      Sid       = "RoleOfJobs"
      Effect    = "Allow"
      Action    = ["iam:PassRole"]
      Resource  = ["${local.roles}-pipeline"]
      Condition = { StringEquals = { "iam:PassedToService" = "sagemaker.amazonaws.com" } }
    },
    {
      Sid    = "Memory"
      Effect = "Allow"
      Action = [
        "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem",
      ]
      Resource = ["${local.arn.dynamodb}:table/${local.stem}-*"]
    },
    {
      Sid    = "Messages"
      Effect = "Allow"
      Action = ["events:PutEvents", "sns:Publish", "sqs:SendMessage"]
      Resource = [
        "${local.arn.events}:event-bus/default", "${local.arn.sns}:${local.stem}-*", "${local.arn.sqs}:${local.stem}-*",
      ]
    },
    {
      # Jobs of all projects write to SageMaker's groups; it names the groups, not we.
      Sid    = "Logs"
      Effect = "Allow"
      Action = [
        "logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents",
      ]
      Resource = concat(
        ["${local.arn.logs}:log-group:/aws/sagemaker/*"], [for group in local.log_groups : "${group}:*"],
      )
    },
    {
      # SageMaker's own images lie in accounts of AWS's.
      Sid    = "Images"
      Effect = "Allow"
      Action = [
        "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer",
      ]
      Resource = ["arn:${local.partition}:ecr:*:*:repository/*"]
    },
    {
      # Subnets may be another account's, which shares them.
      Sid    = "Machines"
      Effect = "Allow"
      Action = [
        "ec2:CreateNetworkInterface", "ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface",
        "ec2:DeleteNetworkInterfacePermission",
      ]
      Resource = [
        for type in ["network-interface", "security-group", "subnet"] :
        "arn:${local.partition}:ec2:${local.region}:*:${type}/*"
      ]
    },
    {
      # These take no narrower resource.
      Sid    = "WithoutResource"
      Effect = "Allow"
      Action = [
        "cloudwatch:PutMetricData", "ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs", "ecr:GetAuthorizationToken",
        "logs:DescribeLogGroups", "xray:PutTelemetryRecords", "xray:PutTraceSegments",
      ]
      Resource = ["*"]
    },
  ]
}

resource "aws_iam_policy" "boundary" {
  name        = "${local.stem}-boundary"
  description = "The most that a role of ${local.stem} can do."
  policy      = jsonencode({ Version = "2012-10-17", Statement = local.boundary })
}
