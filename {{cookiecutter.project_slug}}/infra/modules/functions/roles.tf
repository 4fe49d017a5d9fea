# What each function may do, and no more. The docstring of its handler says why it needs an action.

locals {
  list_bucket = {
    Sid      = "ListBucket"
    Effect   = "Allow"
    Action   = ["s3:ListBucket"]
    Resource = [var.bucket.arn]
  }
  read_results = {
    Sid      = "ReadResults"
    Effect   = "Allow"
    Action   = ["s3:GetObject"]
    Resource = ["${var.bucket.arn}/executions/*"]
  }
  read_models = {
    Sid      = "ReadModels"
    Effect   = "Allow"
    Action   = ["sagemaker:DescribeModelPackage"]
    Resource = ["${replace(var.model_package_group.arn, ":model-package-group/", ":model-package/")}/*"]
  }
  raise_own_events = {
    Sid       = "RaiseOwnEvents"
    Effect    = "Allow"
    Action    = ["events:PutEvents"]
    Resource  = ["arn:${var.partition}:events:${var.region}:${var.account_id}:event-bus/default"]
    Condition = { StringEquals = { "events:source" = "mlops.${var.project}" } }
  }

  permissions = {
    resolve-inputs = [
      local.list_bucket,
      local.read_models,
      {
        Sid      = "FindApprovedModel"
        Effect   = "Allow"
        Action   = ["sagemaker:ListModelPackages"]
        Resource = concat([var.model_package_group.arn], local.read_models.Resource)
      },
    ]
    report-data-quality = [local.list_bucket, local.read_results, local.raise_own_events]
    start-pipeline = [
      local.list_bucket,
      {
        Sid      = "StartPipelines"
        Effect   = "Allow"
        Action   = ["sagemaker:StartPipelineExecution"]
        Resource = [for kind in distinct(values(var.prefixes)) : var.pipeline_arns[kind]]
      },
    ]
    guard-retraining = [
      local.list_bucket,
      local.read_results,
      local.raise_own_events,
      {
        Sid      = "RetrainOneAtATime"
        Effect   = "Allow"
        Action   = ["sagemaker:ListPipelineExecutions", "sagemaker:StartPipelineExecution"]
        Resource = [var.pipeline_arns["training-hpo"]]
      },
      {
        Sid      = "RememberDecisions"
        Effect   = "Allow"
        Action   = ["dynamodb:GetItem", "dynamodb:PutItem"]
        Resource = [aws_dynamodb_table.events.arn]
      },
    ]
    notify = [
      {
        Sid      = "Tell"
        Effect   = "Allow"
        Action   = ["sns:Publish"]
        Resource = [var.topic_arn]
      },
      {
        Sid      = "RememberWhatWasTold"
        Effect   = "Allow"
        Action   = ["dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
        Resource = [aws_dynamodb_table.events.arn]
      },
      local.read_models,
      {
        Sid      = "ReadExecutions"
        Effect   = "Allow"
        Action   = ["sagemaker:DescribePipelineExecution", "sagemaker:ListPipelineExecutionSteps"]
        Resource = [for arn in values(var.pipeline_arns) : "${arn}/execution/*"]
      },
    ]
  }
}

resource "aws_iam_role" "function" {
  for_each = local.functions

  name                 = "${var.stem}-${each.key}"
  description          = "The function ${var.stem}-${each.key}."
  permissions_boundary = var.permissions_boundary_arn

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "function" {
  for_each = local.functions

  name = "permissions"
  role = aws_iam_role.function[each.key].name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(local.permissions[each.key], [
      {
        Sid      = "Log"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = ["${aws_cloudwatch_log_group.function[each.key].arn}:*"]
      },
      {
        Sid      = "KeepFailedCalls"
        Effect   = "Allow"
        Action   = ["sqs:SendMessage"]
        Resource = [var.failed_calls_queue_arn]
      },
      {
        Sid      = "UseKey"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = [var.kms_key_arn]
      },
      {
        Sid      = "Trace"
        Effect   = "Allow"
        Action   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
        Resource = ["*"] # X-Ray has no resource to name here
      },
    ])
  })
}
