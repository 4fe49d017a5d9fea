# One key for everything that the project stores: without access to it, nothing can be read.

locals {
  name_prefix = var.context.name_prefix
  partition   = var.context.partition
  own         = "${var.context.region}:${var.context.account_id}" # in ARNs

  undelivered_events = "arn:${local.partition}:sqs:${local.own}:${local.name_prefix}-undelivered-events"

  # Every other use of the key is granted by the policies of the project's roles.
  key_statements = concat(
    [
      {
        # AWS's default: the account's IAM policies grant access. Without it the key could no longer be managed.
        Sid       = "AccountPolicies"
        Effect    = "Allow"
        Principal = { AWS = "arn:${local.partition}:iam::${var.context.account_id}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        Sid    = "LogGroups"
        Effect = "Allow"
        # Unlike most services, CloudWatch Logs has a principal in the partition's own domain.
        Principal = { Service = "logs.${var.context.region}.${var.context.dns_suffix}" }
        Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
        Resource  = "*"
        Condition = {
          ArnLike = {
            "kms:EncryptionContext:aws:logs:arn" = [
              for service in ["lambda", "vpc"] :
              "arn:${local.partition}:logs:${local.own}:log-group:/aws/${service}/${local.name_prefix}-*"
            ]
          }
        }
      },
      {
        Sid       = "AlarmsAndBudget"
        Effect    = "Allow"
        Principal = { Service = ["budgets.amazonaws.com", "cloudwatch.amazonaws.com"] }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
        Resource  = "*"
        Condition = { StringEquals = { "aws:SourceAccount" = var.context.account_id } }
      },
      {
        # EventBridge sends no source account when it writes to a dead-letter queue. SQS sends the queue as encryption
        # context instead, and that queue's policy lists the rules that may send to it.
        Sid       = "UndeliveredEvents"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = "*"
        Condition = { ArnEquals = { "kms:EncryptionContext:aws:sqs:arn" = local.undelivered_events } }
      },
    ],
    length(var.consumer_account_ids) == 0 ? [] : [
      {
        Sid       = "ConsumersOfModels"
        Effect    = "Allow"
        Principal = { AWS = local.consumers }
        Action    = ["kms:Decrypt", "kms:DescribeKey"]
        Resource  = "*"
      },
    ],
  )
}

resource "aws_kms_key" "this" {
  description             = "Encrypts everything that ${local.name_prefix} stores."
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = jsonencode({ Version = "2012-10-17", Statement = local.key_statements })
}

resource "aws_kms_alias" "this" {
  name          = "alias/${local.name_prefix}"
  target_key_id = aws_kms_key.this.key_id
}
