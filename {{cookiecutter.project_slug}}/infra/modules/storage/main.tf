# The bucket for data, code and results, and the bucket for its access logs.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 5.100" }
  }
}

locals {
  buckets   = { data = var.bucket, logs = "${var.bucket}-logs" }
  arns      = { for purpose, name in local.buckets : purpose => "arn:${var.context.partition}:s3:::${name}" }
  consumers = sort([for account in var.consumer_account_ids : "arn:${var.context.partition}:iam::${account}:root"])

  tls_only = {
    for purpose, arn in local.arns : purpose => {
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Principal = { AWS = "*" }
      Action    = "s3:*"
      Resource  = [arn, "${arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }
  }

  statements = {
    data = concat(
      [local.tls_only.data],
      length(local.consumers) == 0 ? [] : [
        {
          Sid       = "ConsumersReadModels"
          Effect    = "Allow"
          Principal = { AWS = local.consumers }
          Action    = "s3:GetObject"
          Resource  = "${local.arns.data}/executions/*"
        },
      ],
    )
    logs = [
      local.tls_only.logs,
      {
        Sid       = "AccessLogs"
        Effect    = "Allow"
        Principal = { Service = "logging.s3.amazonaws.com" }
        Action    = "s3:PutObject"
        Resource  = "${local.arns.logs}/*"
        Condition = {
          ArnEquals    = { "aws:SourceArn" = local.arns.data }
          StringEquals = { "aws:SourceAccount" = var.context.account_id }
        }
      },
    ]
  }
}

resource "aws_s3_bucket" "this" {
  for_each = local.buckets

  bucket        = each.value
  force_destroy = var.force_destroy
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each = aws_s3_bucket.this

  bucket                  = each.value.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_versioning" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "data" {
  bucket = aws_s3_bucket.this["data"].id

  rule {
    bucket_key_enabled = true # one KMS request for many objects

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.this.arn
    }
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "logs" {
  bucket = aws_s3_bucket.this["logs"].id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256" # S3 cannot deliver access logs to a bucket encrypted with a KMS key
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id
  policy = jsonencode({ Version = "2012-10-17", Statement = local.statements[each.key] })

  # S3 rejects concurrent changes of a bucket's access settings.
  depends_on = [aws_s3_bucket_public_access_block.this]
}

resource "aws_s3_bucket_lifecycle_configuration" "data" {
  bucket = aws_s3_bucket.this["data"].id

  rule {
    id     = "old-versions"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }

    expiration {
      expired_object_delete_marker = true
    }

    noncurrent_version_expiration {
      noncurrent_days = var.noncurrent_version_days
    }
  }

  dynamic "rule" {
    for_each = var.executions_expiry_days == null ? [] : [var.executions_expiry_days]

    content {
      id     = "executions"
      status = "Enabled"

      filter {
        prefix = "executions/"
      }

      expiration {
        days = rule.value
      }
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_lifecycle_configuration" "logs" {
  bucket = aws_s3_bucket.this["logs"].id

  rule {
    id     = "old-logs"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }

    expiration {
      days = var.log_retention_days
    }

    noncurrent_version_expiration {
      noncurrent_days = 1
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_logging" "data" {
  bucket        = aws_s3_bucket.this["data"].id
  target_bucket = aws_s3_bucket.this["logs"].id
  target_prefix = "s3/"

  depends_on = [aws_s3_bucket_policy.this]
}

# New data starts pipelines through EventBridge, which receives no events from a bucket by default.
resource "aws_s3_bucket_notification" "data" {
  bucket      = aws_s3_bucket.this["data"].id
  eventbridge = true
}

output "bucket" {
  description = "The bucket for data, code and results: name, arn."
  value       = { name = aws_s3_bucket.this["data"].bucket, arn = local.arns.data }
}

output "kms_key_arn" {
  description = "The key that encrypts everything the project stores."
  value       = aws_kms_key.this.arn
  depends_on  = [aws_kms_alias.this] # whatever uses the key may send to a queue, which uses the alias
}
