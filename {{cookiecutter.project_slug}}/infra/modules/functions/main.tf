# The functions, each with a role and a log of its own.

locals {
  functions = {
    resolve-inputs = {
      description = "First step of each pipeline: which model is approved, which data and labels there are."
      timeout     = 300 # it lists every object of the data
      variables   = {}
    }
    report-data-quality = {
      description = "Step after the data-quality check: raise an event where the data broke the baseline."
      timeout     = 60
      variables   = {}
    }
    start-pipeline = {
      description = "New data has come: start the pipeline that is for it."
      timeout     = 60
      variables   = { PROJECT = var.project, ENVIRONMENT = var.environment, PREFIXES = jsonencode(var.prefixes) }
    }
    guard-retraining = {
      description = "The model was judged: train again if it has gone bad, and if now is the time."
      timeout     = 60
      variables = {
        PROJECT        = var.project
        ENVIRONMENT    = var.environment
        BUCKET         = var.bucket.name
        TABLE          = aws_dynamodb_table.events.name
        COOLDOWN_HOURS = tostring(var.retraining.cooldown_hours)
        VIOLATIONS     = tostring(var.retraining.violations)
        VERDICTS       = tostring(var.retraining.verdicts)
      }
    }
    notify = {
      description = "Something happened: tell people what, why, and what to do next."
      timeout     = 60
      variables = {
        PROJECT     = var.project
        ENVIRONMENT = var.environment
        TOPIC_ARN   = var.topic_arn
        TABLE       = aws_dynamodb_table.events.name
        TEXTS       = var.texts_json
      }
    }
  }

  packages = { for name in keys(local.functions) : name => "${var.build_dir}/${replace(name, "-", "_")}.zip" }
}

resource "aws_lambda_function" "this" {
  for_each = local.functions

  function_name                  = "${var.stem}-${each.key}"
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

  # Lambda forgets the key of a function without variables, which each plan would then want to set again.
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

  # Lambda refuses a queue that the role may not send to.
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

  name              = "/aws/lambda/${var.stem}-${each.key}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}
