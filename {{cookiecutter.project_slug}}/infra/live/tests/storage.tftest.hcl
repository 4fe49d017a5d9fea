# The buckets and the key: encrypted, private, versioned, and connected to EventBridge.

mock_provider "aws" { source = "./tests/mocks" }

variables {
  context = {
    name_prefix = "abalone-dev"
    account_id  = "111122223333"
    region      = "eu-west-1"
    partition   = "aws"
    dns_suffix  = "amazonaws.com"
  }

  bucket             = "abalone-dev-111122223333"
  log_retention_days = 365
  cache_days         = 30
}

run "buckets_are_private_and_versioned" {
  module { source = "../modules/storage" }

  assert {
    condition = { for use, bucket in aws_s3_bucket.this : use => bucket.bucket } == {
      data = "abalone-dev-111122223333"
      logs = "abalone-dev-111122223333-logs"
    }
    error_message = "There must be a bucket and one for its access logs."
  }
  assert {
    condition = alltrue([
      for block in aws_s3_bucket_public_access_block.this :
      block.block_public_acls && block.block_public_policy && block.ignore_public_acls && block.restrict_public_buckets
    ]) && length(aws_s3_bucket_public_access_block.this) == 2
    error_message = "Neither bucket may become public."
  }
  assert {
    condition = alltrue([
      for versioning in aws_s3_bucket_versioning.this : versioning.versioning_configuration[0].status == "Enabled"
    ]) && length(aws_s3_bucket_versioning.this) == 2
    error_message = "Both buckets must keep old versions."
  }
  assert {
    condition = alltrue([
      for policy in aws_s3_bucket_policy.this : anytrue([
        for statement in jsondecode(policy.policy).Statement :
        statement.Effect == "Deny" && try(statement.Condition.Bool["aws:SecureTransport"], "") == "false"
      ])
    ]) && length(aws_s3_bucket_policy.this) == 2
    error_message = "Both buckets must reject connections without TLS."
  }
  assert {
    condition = !anytrue([
      for statement in jsondecode(aws_s3_bucket_policy.this["data"].policy).Statement : statement.Effect == "Allow"
    ])
    error_message = "Without consumers, other accounts must have no access."
  }
  assert {
    condition     = aws_s3_bucket_notification.data.eventbridge
    error_message = "New objects must be sent to EventBridge, because they start pipelines."
  }
}

run "key_rotates_and_encrypts_what_is_stored" {
  module { source = "../modules/storage" }

  assert {
    condition     = aws_kms_key.this.enable_key_rotation && aws_kms_alias.this.name == "alias/abalone-dev"
    error_message = "The key must rotate, and its alias must be derived from project and environment."
  }
  assert {
    condition = alltrue([
      for rule in aws_s3_bucket_server_side_encryption_configuration.data.rule :
      rule.bucket_key_enabled
      && rule.apply_server_side_encryption_by_default[0].kms_master_key_id == aws_kms_key.this.arn
    ])
    error_message = "The data must be encrypted with the key."
  }
  assert {
    condition = [
      for statement in jsondecode(aws_kms_key.this.policy).Statement : statement.Principal.Service
      if can(statement.Principal.Service) && !can(statement.Condition)
    ] == []
    error_message = "Services must be restricted to this account, or to what they encrypt in it."
  }
}

run "results_are_kept_by_default" {
  module { source = "../modules/storage" }

  assert {
    condition     = [for rule in aws_s3_bucket_lifecycle_configuration.data.rule : rule.id] == ["old-versions"]
    error_message = "Registered models are among the results, so these must not expire by default."
  }
}

run "results_expire_if_configured" {
  module { source = "../modules/storage" }
  variables { executions_expiry_days = 90 }

  assert {
    condition = [
      for rule in aws_s3_bucket_lifecycle_configuration.data.rule : rule.filter[0].prefix if rule.id == "executions"
    ] == ["executions/"]
    error_message = "Results must expire, and nothing else."
  }
}

run "results_that_expire_before_the_cache_are_rejected" {
  command = plan
  module { source = "../modules/storage" }
  variables { executions_expiry_days = 30 }
  expect_failures = [var.executions_expiry_days]
}

run "consumers_read_and_decrypt_models" {
  module { source = "../modules/storage" }
  variables { consumer_account_ids = ["444455556666"] }

  assert {
    condition = [
      for statement in jsondecode(aws_s3_bucket_policy.this["data"].policy).Statement :
      [statement.Action, statement.Resource] if statement.Effect == "Allow"
    ] == [["s3:GetObject", "arn:aws:s3:::abalone-dev-111122223333/executions/*"]]
    error_message = "Consumers must read the results of executions, and nothing else."
  }
  assert {
    condition     = strcontains(aws_kms_key.this.policy, "arn:aws:iam::444455556666:root")
    error_message = "Consumers must be able to decrypt what they may read."
  }
}

run "name_that_s3_reserves_is_rejected" {
  command = plan
  module { source = "../modules/storage" }
  variables { bucket = "abalone-s3alias" }
  expect_failures = [var.bucket]
}

run "name_with_two_dots_in_a_row_is_rejected" {
  command = plan
  module { source = "../modules/storage" }
  variables { bucket = "abalone..data" }
  expect_failures = [var.bucket]
}
