# The Lambda functions, each with its own role and log group, and the table in which they keep their state.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 5.100" }
  }
}

locals {
  name_prefix = var.context.name_prefix
  project     = var.context.project
  environment = var.context.environment

  functions = {
    resolve-inputs = {
      description = "First step of every pipeline: finds the approved model, the data and the labels."
      timeout     = 300 # it lists every object with data
      variables   = {}
    }
    report-data-quality = {
      description = "Step after the data-quality check: sends an event if the data violates the baseline."
      timeout     = 60
      variables   = {}
    }
    start-pipeline = {
      description = "Starts the pipeline that reads a new object."
      timeout     = 60
      variables = {
        PROJECT     = local.project
        ENVIRONMENT = local.environment
        PREFIXES    = jsonencode(var.prefixes)
        MARKER      = var.marker # empty: each object with data starts a pipeline
      }
    }
    guard-retraining = {
      description = "Decides whether a model-quality verdict starts retraining."
      timeout     = 60
      variables = {
        PROJECT        = local.project
        ENVIRONMENT    = local.environment
        BUCKET         = var.bucket.name
        TABLE          = aws_dynamodb_table.events.name
        COOLDOWN_HOURS = tostring(var.retraining.cooldown_hours)
        VIOLATIONS     = tostring(var.retraining.violations)
        VERDICTS       = tostring(var.retraining.verdicts)
      }
    }
    notify = {
      description = "Sends a message for an event: what happened, why, and what to do next."
      timeout     = 60
      variables = {
        PROJECT     = local.project
        ENVIRONMENT = local.environment
        TOPIC_ARN   = var.topic_arn
        TABLE       = aws_dynamodb_table.events.name
      }
    }
  }

  packages = { for name in keys(local.functions) : name => "${var.build_dir}/${replace(name, "-", "_")}.zip" }
}

resource "aws_lambda_function" "this" {
  for_each = local.functions

  function_name                  = "${local.name_prefix}-${each.key}"
  description                    = each.value.description
  role                           = aws_iam_role.function[each.key].arn
  runtime                        = "python3.12"
  architectures                  = ["arm64"]
  handler                        = "handler.handler"
  filename                       = local.packages[each.key]
  source_code_hash               = filebase64sha256(local.packages[each.key])
  memory_size                    = 256
  timeout                        = each.value.timeout
  reserved_concurrent_executions = lookup(var.reserved_concurrency, each.key, -1)

  # Lambda drops the key of a function without variables, and every plan would set it again.
  kms_key_arn = each.value.variables == {} ? null : var.kms_key_arn

  dynamic "environment" {
    for_each = each.value.variables == {} ? [] : [each.value.variables]

    content {
      variables = environment.value
    }
  }

  dead_letter_config {
    target_arn = var.failed_calls_queue_arn
  }

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.function[each.key].name
  }

  tracing_config {
    mode = "Active"
  }

  # Lambda rejects a dead-letter queue without the permission to send to it.
  depends_on = [aws_iam_role_policy.function]
}

resource "aws_lambda_function_event_invoke_config" "this" {
  for_each = aws_lambda_function.this

  function_name                = each.value.function_name
  maximum_retry_attempts       = 2
  maximum_event_age_in_seconds = 6 * 60 * 60
}

resource "aws_cloudwatch_log_group" "function" {
  for_each = local.functions

  name              = "/aws/lambda/${local.name_prefix}-${each.key}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

# Which messages were sent, so that none is sent twice, and which decisions were made about retraining.
resource "aws_dynamodb_table" "events" {
  name         = "${local.name_prefix}-events"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  attribute {
    name = "id"
    type = "S"
  }

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = var.kms_key_arn
  }
}

output "functions" {
  description = "Each function by its short name, for example notify: arn, name."
  value = {
    for name, function in aws_lambda_function.this : name => { arn = function.arn, name = function.function_name }
  }
}

output "table" {
  description = "The table of sent messages and retraining decisions: arn, name."
  value       = { arn = aws_dynamodb_table.events.arn, name = aws_dynamodb_table.events.name }
}
