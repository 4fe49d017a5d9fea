# The functions: their variables, their permissions, and what happens to events they fail on.

mock_provider "aws" { source = "./tests/mocks" }

variables {
  context = {
    name_prefix = "abalone-dev"
    project     = "abalone"
    environment = "dev"
    account_id  = "111122223333"
    region      = "eu-west-1"
    partition   = "aws"
  }

  kms_key_arn        = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  log_retention_days = 30
  build_dir          = "../build"
  bucket             = { name = "abalone-dev-111122223333", arn = "arn:aws:s3:::abalone-dev-111122223333" }
  model_package_group = {
    name = "abalone-dev"
    arn  = "arn:aws:sagemaker:eu-west-1:111122223333:model-package-group/abalone-dev"
  }
  topic_arn              = "arn:aws:sns:eu-west-1:111122223333:abalone-dev-notifications"
  failed_calls_queue_arn = "arn:aws:sqs:eu-west-1:111122223333:abalone-dev-failed-calls"
  prefixes               = { "data/training/" = "training", "data/labels/" = "inference" }
  retraining             = { cooldown_hours = 24, violations = 2, verdicts = 3 }
  pipeline_arns = {
    for kind in ["training", "training-hpo", "inference"] :
    kind => "arn:aws:sagemaker:eu-west-1:111122223333:pipeline/abalone-dev-${kind}"
  }
}

run "functions_get_what_the_configuration_asks_for" {
  module { source = "../modules/functions" }

  assert {
    condition = alltrue([
      for config in aws_lambda_function_event_invoke_config.this : config.maximum_retry_attempts == 2
    ])
    error_message = "An event must be tried three times."
  }
  assert {
    condition = alltrue([
      for function in aws_lambda_function.this :
      function.dead_letter_config[0].target_arn == var.failed_calls_queue_arn
    ])
    error_message = "An event for which a function failed on every attempt must be kept."
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
    error_message = "The guard must get the thresholds of config/events.yaml."
  }
  assert {
    condition     = alltrue([for function in aws_lambda_function.this : function.reserved_concurrent_executions == -1])
    error_message = "Without configuration nothing may be reserved: AWS would reject it in a new account."
  }
}

run "concurrency_is_reserved_for_the_configured_function" {
  module { source = "../modules/functions" }
  variables { reserved_concurrency = { guard-retraining = 1 } }

  assert {
    condition = [
      for name, function in aws_lambda_function.this : name if function.reserved_concurrent_executions == 1
    ] == ["guard-retraining"]
    error_message = "The configured function must have its reservation, and no other."
  }
}

run "reservation_for_an_unknown_function_is_rejected" {
  command = plan
  module { source = "../modules/functions" }
  variables { reserved_concurrency = { guard = 1 } }
  expect_failures = [var.reserved_concurrency]
}

run "more_violations_than_verdicts_are_rejected" {
  command = plan
  module { source = "../modules/functions" }
  variables { retraining = { cooldown_hours = 24, violations = 3, verdicts = 2 } }
  expect_failures = [var.retraining]
}

run "marker_that_jobs_would_read_as_data_is_rejected" {
  command = plan
  module { source = "../modules/functions" }
  variables { marker = "READY" }
  expect_failures = [var.marker]
}

run "function_that_starts_pipelines_gets_the_marker" {
  command = plan
  module { source = "../modules/functions" }
  variables { marker = "_READY" }

  assert {
    condition     = aws_lambda_function.this["start-pipeline"].environment[0].variables.MARKER == "_READY"
    error_message = "The function must know the name of the marker."
  }
}
