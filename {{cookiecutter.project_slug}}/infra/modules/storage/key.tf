# One key for everything that the project stores: who may not use it reads nothing, wherever it lies.

locals {
  # Everybody else who encrypts does so as a role of ours, and is let by that role's policy.
  alarming = ["budgets.amazonaws.com", "cloudwatch.amazonaws.com"]

  undelivered_events = "arn:${var.partition}:sqs:${var.region}:${var.account_id}:${var.stem}-undelivered-events"

  # In China this service, unlike the others, goes by that country's domain.
  logs_domain = var.partition == "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com"

  key_statements = concat(
    [
      {
        # AWS's default: IAM policies of the account decide. Without it nobody could change the key any more.
        Sid       = "AccountDecidesByItsPolicies"
        Effect    = "Allow"
        Principal = { AWS = "arn:${var.partition}:iam::${var.account_id}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        Sid       = "LogGroups"
        Effect    = "Allow"
        Principal = { Service = "logs.${var.region}.${local.logs_domain}" }
        Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
        Resource  = "*"
        Condition = {
          ArnLike = {
            "kms:EncryptionContext:aws:logs:arn" = [
              for service in ["lambda", "vpc"] :
              "arn:${var.partition}:logs:${var.region}:${var.account_id}:log-group:/aws/${service}/${var.stem}-*"
            ]
          }
        }
      },
      {
        Sid       = "AlarmsAndBudget"
        Effect    = "Allow"
        Principal = { Service = local.alarming }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
        Resource  = "*"
        Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
      },
      {
        # EventBridge does not say for which account it fills a dead-letter queue, but SQS says which queue it encrypts
        # for, and that queue's policy names the rules that may send to it.
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
  description             = "Everything that ${var.stem} stores."
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = jsonencode({ Version = "2012-10-17", Statement = local.key_statements })
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.stem}"
  target_key_id = aws_kms_key.this.key_id
}
