# What the functions are handed, what they may do, and where that goes which they fail on.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  stem                   = "abalone-dev"
  project                = "abalone"
  environment            = "dev"
  account_id             = "111122223333"
  region                 = "eu-west-1"
  partition              = "aws"
  kms_key_arn            = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  log_retention_days     = 30
  build_dir              = "../build"
  bucket                 = { name = "abalone-dev-111122223333", arn = "arn:aws:s3:::abalone-dev-111122223333" }
  model_package_group    = { name = "abalone-dev", arn = "arn:aws:sagemaker:eu-west-1:111122223333:model-package-group/abalone-dev" }
  topic_arn              = "arn:aws:sns:eu-west-1:111122223333:abalone-dev-notifications"
  failed_calls_queue_arn = "arn:aws:sqs:eu-west-1:111122223333:abalone-dev-failed-calls"
  prefixes               = { "data/training/" = "training", "data/labels/" = "inference" }
  retraining             = { cooldown_hours = 24, violations = 2, verdicts = 3 }
  pipeline_arns = {
    training     = "arn:aws:sagemaker:eu-west-1:111122223333:pipeline/abalone-dev-training"
    training-hpo = "arn:aws:sagemaker:eu-west-1:111122223333:pipeline/abalone-dev-training-hpo"
    inference    = "arn:aws:sagemaker:eu-west-1:111122223333:pipeline/abalone-dev-inference"
  }
}

run "a_call_that_fails_is_tried_again_and_then_kept" {
  command = plan
  module {
    source = "../modules/functions"
  }

  assert {
    condition     = alltrue([for config in aws_lambda_function_event_invoke_config.this : config.maximum_retry_attempts == 2])
    error_message = "A call must be tried three times."
  }
  assert {
    condition     = alltrue([for function in aws_lambda_function.this : function.dead_letter_config[0].target_arn == var.failed_calls_queue_arn])
    error_message = "An event that a function failed on must be kept."
  }
}

run "the_guard_is_told_when_to_retrain" {
  command = plan
  module {
    source = "../modules/functions"
  }

  assert {
    condition = aws_lambda_function.this["guard-retraining"].environment[0].variables == tomap({
      PROJECT        = "abalone"
      ENVIRONMENT    = "dev"
      BUCKET         = "abalone-dev-111122223333"
      TABLE          = "abalone-dev-events"
      COOLDOWN_HOURS = "24"
      VIOLATIONS     = "2"
      VERDICTS       = "3"
    })
    error_message = "The guard must be handed what config/events.yaml says."
  }
}

run "a_new_account_has_nothing_to_reserve" {
  command = plan
  module {
    source = "../modules/functions"
  }

  assert {
    condition     = alltrue([for function in aws_lambda_function.this : function.reserved_concurrent_executions == -1])
    error_message = "Nothing may be reserved unless somebody says so: AWS would refuse it in a new account."
  }
}

run "calls_are_reserved_where_somebody_says_so" {
  command = plan
  module {
    source = "../modules/functions"
  }
  variables {
    reserved_concurrency = { guard-retraining = 1 }
  }

  assert {
    condition     = [for name, function in aws_lambda_function.this : name if function.reserved_concurrent_executions == 1] == ["guard-retraining"]
    error_message = "The one function that was named must have its reservation."
  }
}

run "a_function_that_there_is_not_has_no_reservation" {
  command = plan
  module {
    source = "../modules/functions"
  }
  variables {
    reserved_concurrency = { guard = 1 }
  }

  expect_failures = [var.reserved_concurrency]
}

run "more_violations_than_verdicts_are_refused" {
  command = plan
  module {
    source = "../modules/functions"
  }
  variables {
    retraining = { cooldown_hours = 24, violations = 3, verdicts = 2 }
  }

  expect_failures = [var.retraining]
}

run "words_without_a_text_are_refused" {
  command = plan
  module {
    source = "../modules/functions"
  }
  variables {
    texts_json = "[{\"pipeline\": \"inference\"}]"
  }

  expect_failures = [var.texts_json]
}
