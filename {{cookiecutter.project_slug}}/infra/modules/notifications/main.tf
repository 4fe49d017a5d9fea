# The topic for notifications, and the dead-letter queues.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 5.100" }
  }
}

locals {
  name_prefix = var.context.name_prefix
  own         = "${var.context.region}:${var.context.account_id}" # in ARNs
  topic_name  = "${local.name_prefix}-notifications"
  topic_arn   = "arn:${var.context.partition}:sns:${local.own}:${local.topic_name}"

  # Who may send to each queue, besides roles of the account.
  senders = {
    undelivered-events = [{
      Sid       = "Rules"
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = local.queue_arns["undelivered-events"]
      Condition = {
        ArnLike = { "aws:SourceArn" = "arn:${var.context.partition}:events:${local.own}:rule/${local.name_prefix}-*" }
      }
    }]
    failed-calls = []
  }
  queue_arns = {
    for name in ["undelivered-events", "failed-calls"] :
    name => "arn:${var.context.partition}:sqs:${local.own}:${local.name_prefix}-${name}"
  }
  described_queues = {
    for name, queue in aws_sqs_queue.this : name => { arn = queue.arn, name = queue.name, url = queue.url }
  }
}

resource "aws_sns_topic" "notifications" {
  name              = local.topic_name
  kms_master_key_id = var.kms_key_arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "AlarmsAndBudget"
        Effect    = "Allow"
        Principal = { Service = ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"] }
        Action    = "sns:Publish"
        Resource  = local.topic_arn
        Condition = { StringEquals = { "aws:SourceAccount" = var.context.account_id } }
      },
      {
        Sid       = "TlsOnly"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = "sns:Publish"
        Resource  = local.topic_arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

resource "aws_sns_topic_subscription" "email" {
  for_each = var.emails

  topic_arn = aws_sns_topic.notifications.arn
  protocol  = "email"
  endpoint  = each.value
}

resource "aws_sqs_queue" "this" {
  for_each = local.senders

  name                              = "${local.name_prefix}-${each.key}"
  message_retention_seconds         = 14 * 24 * 60 * 60 # SQS's maximum
  kms_data_key_reuse_period_seconds = 300

  # The alias instead of the ARN: SQS resolves it for each message, so creating a queue need not wait for the key.
  kms_master_key_id = var.kms_key_alias

  # In this resource, because the provider waits half a minute for a separate aws_sqs_queue_policy.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(each.value, [{
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Principal = { AWS = "*" }
      Action    = "sqs:*"
      Resource  = local.queue_arns[each.key]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }])
  })
}

output "topic_arn" {
  description = "The topic for notifications."
  value       = aws_sns_topic.notifications.arn
}

output "undelivered_events_queue" {
  description = "Holds events and scheduled starts that did not reach their target: arn, name, url."
  value       = local.described_queues["undelivered-events"]
}

output "failed_calls_queue" {
  description = "Holds the events for which a function failed on every attempt: arn, name, url."
  value       = local.described_queues["failed-calls"]
}
