# What the deploy role creates, changes and destroys: the storage of infra/live, and the state.

locals {
  change_storage = {
    WriteState = {
      Action   = ["s3:PutObject"]
      Resource = ["${local.state_arn}/${var.environment}/*"]
    }
    Unlock = {
      Action   = ["s3:DeleteObject"]
      Resource = ["${local.state_arn}/${var.environment}/*.tflock"]
    }
    Buckets = {
      Action = [
        "s3:CreateBucket", "s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:ListBucketVersions", "s3:PutBucketLogging",
        "s3:PutBucketNotification", "s3:PutBucketOwnershipControls", "s3:PutBucketPolicy",
        "s3:PutBucketPublicAccessBlock", "s3:PutBucketTagging", "s3:PutBucketVersioning",
        "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration",
      ]
      Resource = local.buckets
    }
    UploadCode = {
      Action   = ["s3:PutObject"]
      Resource = ["${local.buckets[0]}/code/*"]
    }
    # `terraform destroy` with force_destroy empties the buckets first.
    EmptyBuckets = {
      Action   = ["s3:DeleteObject", "s3:DeleteObjectVersion"]
      Resource = [for bucket in local.buckets : "${bucket}/*"]
    }
    CreateKey = {
      Action    = ["kms:CreateKey"]
      Resource  = ["*"] # a new key has no ARN yet
      Condition = { StringEquals = local.own_request }
    }
    # A key is tagged while it is created. IAM has no condition for that, so this matches a key without tags and alias.
    TagNewKey = {
      Action   = ["kms:TagResource"]
      Resource = ["${local.arn.kms}:key/*"]
      Condition = {
        StringEquals = local.own_request
        Null         = { for key in concat(keys(local.own_resource), ["kms:ResourceAliases"]) : key => "true" }
      }
    }
    Key = {
      Action = [
        "kms:CreateAlias", "kms:Decrypt", "kms:DeleteAlias", "kms:EnableKeyRotation", "kms:Encrypt",
        "kms:GenerateDataKey", "kms:PutKeyPolicy", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:ScheduleKeyDeletion",
        "kms:TagResource", "kms:UntagResource", "kms:UpdateAlias", "kms:UpdateKeyDescription",
      ]
      Resource  = ["${local.arn.kms}:key/*"]
      Condition = { StringEquals = local.own_resource }
    }
    # Only AWS services may receive a grant.
    GrantKeyToServices = {
      Action   = ["kms:CreateGrant"]
      Resource = ["${local.arn.kms}:key/*"]
      Condition = {
        StringEquals = local.own_resource
        Bool         = { "kms:GrantIsForAWSResource" = "true" }
      }
    }
    KeyAlias = {
      Action   = ["kms:CreateAlias", "kms:DeleteAlias", "kms:UpdateAlias"]
      Resource = ["${local.arn.kms}:alias/${local.name_prefix}"]
    }
    Table = {
      Action = [
        "dynamodb:CreateTable", "dynamodb:DeleteTable", "dynamodb:TagResource", "dynamodb:UntagResource",
        "dynamodb:UpdateContinuousBackups", "dynamodb:UpdateTable", "dynamodb:UpdateTimeToLive",
      ]
      Resource = ["${local.arn.dynamodb}:table/${local.name_prefix}-*"]
    }
    Parameters = {
      Action   = ["ssm:AddTagsToResource", "ssm:DeleteParameter", "ssm:PutParameter", "ssm:RemoveTagsFromResource"]
      Resource = local.parameters
    }
    LogGroups = {
      Action = [
        "logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:DeleteRetentionPolicy",
        "logs:DisassociateKmsKey", "logs:PutRetentionPolicy", "logs:TagResource", "logs:UntagResource",
      ]
      Resource = local.log_groups
    }
  }
}
