# Who is told, and where that is kept which reached nobody.

locals {
  topic_name = "${var.stem}-notifications"
  topic_arn  = "arn:${var.partition}:sns:${var.region}:${var.account_id}:${local.topic_name}"

  # By what a queue holds: who may send to it, beside the account's own roles.
  senders = {
    undelivered-events = [{
      Sid       = "Rules"
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = local.queue_arns["undelivered-events"]
      Condition = {
        ArnLike = { "aws:SourceArn" = "arn:${var.partition}:events:${var.region}:${var.account_id}:rule/${var.stem}-*" }
      }
    }]
    failed-calls = []
  }
  queue_arns = {
    for name in ["undelivered-events", "failed-calls"] :
    name => "arn:${var.partition}:sqs:${var.region}:${var.account_id}:${var.stem}-${name}"
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
        Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
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

  name                              = "${var.stem}-${each.key}"
  message_retention_seconds         = 14 * 24 * 60 * 60 # the longest that SQS keeps a message
  kms_master_key_id                 = var.kms_key_arn
  kms_data_key_reuse_period_seconds = 300

  # Here and not in a resource of its own, for which the provider would wait half a minute more.
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
