# What is stored is encrypted, private, kept, and told of.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  stem               = "abalone-dev"
  bucket             = "abalone-dev-111122223333"
  account_id         = "111122223333"
  region             = "eu-west-1"
  partition          = "aws"
  log_retention_days = 365
  cache_days         = 30
}

run "both_buckets_are_private_and_versioned" {
  command = plan
  module {
    source = "../modules/storage"
  }

  assert {
    condition     = { for use, bucket in aws_s3_bucket.this : use => bucket.bucket } == { data = "abalone-dev-111122223333", logs = "abalone-dev-111122223333-logs" }
    error_message = "There must be a bucket and one for its access logs."
  }
  assert {
    condition = alltrue([
      for block in aws_s3_bucket_public_access_block.this :
      block.block_public_acls && block.block_public_policy && block.ignore_public_acls && block.restrict_public_buckets
    ]) && length(aws_s3_bucket_public_access_block.this) == 2
    error_message = "Neither bucket may be made public."
  }
  assert {
    condition     = alltrue([for versioning in aws_s3_bucket_versioning.this : versioning.versioning_configuration[0].status == "Enabled"]) && length(aws_s3_bucket_versioning.this) == 2
    error_message = "Both buckets must keep what is overwritten."
  }
  assert {
    condition = alltrue([
      for policy in aws_s3_bucket_policy.this :
      anytrue([for statement in jsondecode(policy.policy).Statement : statement.Effect == "Deny" && try(statement.Condition.Bool["aws:SecureTransport"], "") == "false"])
    ]) && length(aws_s3_bucket_policy.this) == 2
    error_message = "Both buckets must refuse connections without TLS."
  }
}

run "the_key_rotates_and_encrypts_what_is_stored" {
  command = apply
  module {
    source = "../modules/storage"
  }

  assert {
    condition     = aws_kms_key.this.enable_key_rotation && aws_kms_alias.this.name == "alias/abalone-dev"
    error_message = "The key must rotate, and have its name by rule."
  }
  assert {
    condition = alltrue([
      for rule in aws_s3_bucket_server_side_encryption_configuration.data.rule :
      rule.bucket_key_enabled && rule.apply_server_side_encryption_by_default[0].kms_master_key_id == aws_kms_key.this.arn
    ])
    error_message = "What is stored must be encrypted by the key."
  }
}

run "no_service_uses_the_key_for_another_account" {
  command = plan
  module {
    source = "../modules/storage"
  }

  assert {
    condition = [
      for statement in jsondecode(aws_kms_key.this.policy).Statement : statement.Principal.Service
      if can(statement.Principal.Service) && !can(statement.Condition)
    ] == []
    error_message = "Services must be held to this account, or to what they encrypt in it."
  }
}

run "the_bucket_tells_of_new_objects" {
  command = plan
  module {
    source = "../modules/storage"
  }

  assert {
    condition     = aws_s3_bucket_notification.data.eventbridge
    error_message = "New data starts pipelines by EventBridge."
  }
}

run "results_stay_unless_somebody_says_otherwise" {
  command = plan
  module {
    source = "../modules/storage"
  }

  assert {
    condition     = [for rule in aws_s3_bucket_lifecycle_configuration.data.rule : rule.id] == ["old-versions"]
    error_message = "Registered models lie among the results: they must not expire by themselves."
  }
}

run "results_expire_if_somebody_says_so" {
  command = plan
  module {
    source = "../modules/storage"
  }
  variables {
    executions_expiry_days = 90
  }

  assert {
    condition     = [for rule in aws_s3_bucket_lifecycle_configuration.data.rule : rule.filter[0].prefix if rule.id == "executions"] == ["executions/"]
    error_message = "Results must expire, and nothing else."
  }
}

run "results_outlive_the_cache" {
  command = plan
  module {
    source = "../modules/storage"
  }
  variables {
    executions_expiry_days = 30
  }
  expect_failures = [var.executions_expiry_days]
}

run "other_accounts_read_nothing" {
  command = plan
  module {
    source = "../modules/storage"
  }

  assert {
    condition     = !anytrue([for statement in jsondecode(aws_s3_bucket_policy.this["data"].policy).Statement : statement.Effect == "Allow"])
    error_message = "Nobody named another account."
  }
}

run "consumers_read_models_and_decrypt_them" {
  command = plan
  module {
    source = "../modules/storage"
  }
  variables {
    consumer_account_ids = ["444455556666"]
  }

  assert {
    condition = [
      for statement in jsondecode(aws_s3_bucket_policy.this["data"].policy).Statement : [statement.Action, statement.Resource]
      if statement.Effect == "Allow"
    ] == [["s3:GetObject", "arn:aws:s3:::abalone-dev-111122223333/executions/*"]]
    error_message = "Consumers must read what executions wrote, and no more."
  }
  assert {
    condition     = strcontains(aws_kms_key.this.policy, "arn:aws:iam::444455556666:root")
    error_message = "Consumers must be able to decrypt what they may read."
  }
}
