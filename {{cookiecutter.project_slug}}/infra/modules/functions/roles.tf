# The permissions of each function, by Sid. The docstring of its handler explains why it needs an action.

locals {
  package_arns = ["${replace(var.model_package_group.arn, ":model-package-group/", ":model-package/")}/*"]
  bus          = "event-bus/default"

  list_bucket  = { ListBucket = { Action = ["s3:ListBucket"], Resource = [var.bucket.arn] } }
  read_results = { ReadResults = { Action = ["s3:GetObject"], Resource = ["${var.bucket.arn}/executions/*"] } }
  read_models  = { ReadModels = { Action = ["sagemaker:DescribeModelPackage"], Resource = local.package_arns } }
  send_own_events = {
    SendOwnEvents = {
      Action    = ["events:PutEvents"]
      Resource  = ["arn:${var.context.partition}:events:${var.context.region}:${var.context.account_id}:${local.bus}"]
      Condition = { StringEquals = { "events:source" = "mlops.${local.project}" } }
    }
  }

  permissions = {
    resolve-inputs = merge(local.list_bucket, local.read_models, {
      FindApprovedModel = {
        Action   = ["sagemaker:ListModelPackages"]
        Resource = concat([var.model_package_group.arn], local.package_arns)
      }
    })
    report-data-quality = merge(local.list_bucket, local.read_results, local.send_own_events)
    start-pipeline = merge(local.list_bucket, {
      StartPipelines = {
        Action   = ["sagemaker:StartPipelineExecution"]
        Resource = [for kind in distinct(values(var.prefixes)) : var.pipeline_arns[kind]]
      }
    })
    guard-retraining = merge(local.list_bucket, local.read_results, local.send_own_events, {
      RetrainOneAtATime = {
        Action   = ["sagemaker:ListPipelineExecutions", "sagemaker:StartPipelineExecution"]
        Resource = [var.pipeline_arns["training-hpo"]]
      }
      StoreDecisions = {
        Action   = ["dynamodb:GetItem", "dynamodb:PutItem"]
        Resource = [aws_dynamodb_table.events.arn]
      }
    })
    notify = merge(local.read_models, {
      SendMessages = {
        Action   = ["sns:Publish"]
        Resource = [var.topic_arn]
      }
      StoreSentMessages = {
        Action   = ["dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
        Resource = [aws_dynamodb_table.events.arn]
      }
      ReadExecutions = {
        Action   = ["sagemaker:DescribePipelineExecution", "sagemaker:ListPipelineExecutionSteps"]
        Resource = [for arn in values(var.pipeline_arns) : "${arn}/execution/*"]
      }
    })
  }
}

resource "aws_iam_role" "function" {
  for_each = local.functions

  name                 = "${local.name_prefix}-${each.key}"
  description          = "The function ${local.name_prefix}-${each.key}."
  permissions_boundary = var.context.permissions_boundary_arn

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = var.context.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "function" {
  for_each = local.functions

  name = "permissions"
  role = aws_iam_role.function[each.key].name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      for sid, statement in merge(local.permissions[each.key], {
        WriteLog = {
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = ["${aws_cloudwatch_log_group.function[each.key].arn}:*"]
        }
        KeepFailedCalls = {
          Action   = ["sqs:SendMessage"]
          Resource = [var.failed_calls_queue_arn]
        }
        UseKey = {
          Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
          Resource = [var.kms_key_arn]
        }
        Trace = {
          Action   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
          Resource = ["*"] # X-Ray has no resource-level permissions
        }
      }) : merge({ Sid = sid, Effect = "Allow" }, statement)
    ]
  })
}
