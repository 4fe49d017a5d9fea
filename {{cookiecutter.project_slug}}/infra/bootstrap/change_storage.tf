# What the deploy role makes, changes and destroys of infra/live that keeps something, and the state itself.

locals {
  change_storage = [
    {
      Sid      = "WriteState"
      Effect   = "Allow"
      Action   = ["s3:PutObject"]
      Resource = ["${local.state_arn}/${var.environment}/*"]
    },
    {
      Sid      = "Unlock"
      Effect   = "Allow"
      Action   = ["s3:DeleteObject"]
      Resource = ["${local.state_arn}/${var.environment}/*.tflock"]
    },
    {
      Sid    = "Buckets"
      Effect = "Allow"
      Action = [
        "s3:CreateBucket", "s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:ListBucketVersions", "s3:PutBucketLogging",
        "s3:PutBucketNotification", "s3:PutBucketOwnershipControls", "s3:PutBucketPolicy",
        "s3:PutBucketPublicAccessBlock", "s3:PutBucketTagging", "s3:PutBucketVersioning",
        "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration",
      ]
      Resource = local.buckets
    },
    {
      Sid      = "UploadCode"
      Effect   = "Allow"
      Action   = ["s3:PutObject"]
      Resource = ["${local.buckets[0]}/code/*"]
    },
    {
      # A destroy with force_destroy empties the buckets first.
      Sid      = "EmptyBuckets"
      Effect   = "Allow"
      Action   = ["s3:DeleteObject", "s3:DeleteObjectVersion"]
      Resource = [for bucket in local.buckets : "${bucket}/*"]
    },
    {
      Sid       = "MakeKey"
      Effect    = "Allow"
      Action    = ["kms:CreateKey"]
      Resource  = ["*"] # it has no name yet
      Condition = { StringEquals = local.own_request }
    },
    {
      # A key gets its tags while it is made. AWS has no words for that: this says that it has neither tags nor a name.
      Sid      = "TagNewKey"
      Effect   = "Allow"
      Action   = ["kms:TagResource"]
      Resource = ["${local.arn.kms}:key/*"]
      Condition = {
        StringEquals = local.own_request
        Null         = { for key in concat(keys(local.own_resource), ["kms:ResourceAliases"]) : key => "true" }
      }
    },
    {
      Sid    = "Key"
      Effect = "Allow"
      Action = [
        "kms:CreateAlias", "kms:Decrypt", "kms:DeleteAlias", "kms:EnableKeyRotation", "kms:Encrypt",
        "kms:GenerateDataKey", "kms:PutKeyPolicy", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:ScheduleKeyDeletion",
        "kms:TagResource", "kms:UntagResource", "kms:UpdateAlias", "kms:UpdateKeyDescription",
      ]
      Resource  = ["${local.arn.kms}:key/*"]
      Condition = { StringEquals = local.own_resource }
    },
    {
      # Services that encrypt for us get leave to; nobody else can be given it.
      Sid      = "LendKeyToServices"
      Effect   = "Allow"
      Action   = ["kms:CreateGrant"]
      Resource = ["${local.arn.kms}:key/*"]
      Condition = {
        StringEquals = local.own_resource
        Bool         = { "kms:GrantIsForAWSResource" = "true" }
      }
    },
    {
      Sid      = "KeyAlias"
      Effect   = "Allow"
      Action   = ["kms:CreateAlias", "kms:DeleteAlias", "kms:UpdateAlias"]
      Resource = ["${local.arn.kms}:alias/${local.stem}"]
    },
    {
      Sid    = "Table"
      Effect = "Allow"
      Action = [
        "dynamodb:CreateTable", "dynamodb:DeleteTable", "dynamodb:TagResource", "dynamodb:UntagResource",
        "dynamodb:UpdateContinuousBackups", "dynamodb:UpdateTable", "dynamodb:UpdateTimeToLive",
      ]
      Resource = ["${local.arn.dynamodb}:table/${local.stem}-*"]
    },
    {
      Sid      = "Parameters"
      Effect   = "Allow"
      Action   = ["ssm:AddTagsToResource", "ssm:DeleteParameter", "ssm:PutParameter", "ssm:RemoveTagsFromResource"]
      Resource = local.parameters
    },
    {
      Sid    = "LogGroups"
      Effect = "Allow"
      Action = [
        "logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:DeleteRetentionPolicy",
        "logs:DisassociateKmsKey", "logs:PutRetentionPolicy", "logs:TagResource", "logs:UntagResource",
      ]
      Resource = local.log_groups
    },
  ]
}
