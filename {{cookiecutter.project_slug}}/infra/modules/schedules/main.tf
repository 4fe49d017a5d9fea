# Pipelines that start at fixed times.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 5.100" }
  }
}

locals {
  name_prefix = var.context.name_prefix
}

resource "aws_scheduler_schedule_group" "this" {
  name = local.name_prefix
}

resource "aws_scheduler_schedule" "this" {
  for_each = var.schedules

  name                         = "${local.name_prefix}-${each.key}"
  description                  = "Starts the pipeline ${each.key}."
  group_name                   = aws_scheduler_schedule_group.this.name
  schedule_expression          = each.value
  schedule_expression_timezone = var.timezone
  kms_key_arn                  = var.kms_key_arn

  # Most schedules are set to the full hour, and SageMaker throttles simultaneous starts.
  flexible_time_window {
    mode                      = "FLEXIBLE"
    maximum_window_in_minutes = 15
  }

  target {
    arn      = var.pipeline_arns[each.key]
    role_arn = aws_iam_role.scheduler.arn

    sagemaker_pipeline_parameters {
      pipeline_parameter {
        name  = "Trigger"
        value = "schedule"
      }
    }

    retry_policy {
      maximum_event_age_in_seconds = 60 * 60
      maximum_retry_attempts       = 20
    }

    dead_letter_config {
      arn = var.undelivered_events_queue_arn
    }
  }

  # A schedule could be due before its role has the permissions.
  depends_on = [aws_iam_role_policy.scheduler]
}

resource "aws_iam_role" "scheduler" {
  name                 = "${local.name_prefix}-scheduler"
  description          = "EventBridge Scheduler, for the schedules of ${local.name_prefix}."
  permissions_boundary = var.context.permissions_boundary_arn

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "scheduler.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = {
          "aws:SourceAccount" = var.context.account_id
          "aws:SourceArn"     = aws_scheduler_schedule_group.this.arn
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "scheduler" {
  name = "permissions"
  role = aws_iam_role.scheduler.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "StartPipelines"
        Effect   = "Allow"
        Action   = ["sagemaker:StartPipelineExecution"]
        Resource = [for kind in keys(var.schedules) : var.pipeline_arns[kind]]
      },
      {
        Sid      = "KeepUndelivered"
        Effect   = "Allow"
        Action   = ["sqs:SendMessage"]
        Resource = [var.undelivered_events_queue_arn]
      },
      {
        Sid      = "UseKey"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = [var.kms_key_arn]
      },
    ]
  })
}

output "schedule_names" {
  description = "The name of the schedule of each kind of pipeline that has one."
  value       = { for kind, schedule in aws_scheduler_schedule.this : kind => schedule.name }
}
