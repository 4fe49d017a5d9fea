# The rules: which events they match, and that no event is lost.

mock_provider "aws" { source = "./tests/mocks" }

variables {
  context                  = { name_prefix = "abalone-dev", project = "abalone", environment = "dev" }
  bucket_name              = "abalone-dev-111122223333"
  model_package_group_name = "abalone-dev"
  pipeline_arns = {
    for kind in ["training", "training-hpo", "inference"] :
    kind => "arn:aws:sagemaker:eu-west-1:111122223333:pipeline/abalone-dev-${kind}"
  }
  functions = {
    for name in ["start-pipeline", "guard-retraining", "notify"] :
    name => { name = "abalone-dev-${name}", arn = "arn:aws:lambda:eu-west-1:111122223333:function:abalone-dev-${name}" }
  }
  undelivered_events_queue_arn = "arn:aws:sqs:eu-west-1:111122223333:abalone-dev-undelivered-events"
  new_data_starts_pipelines    = true
  prefixes                     = { "data/training/" = "training", "data/inference/" = "inference" }
  enabled = {
    for event in [
      "model_registered", "model_approved", "model_rejected", "step_failed", "execution_failed", "execution_succeeded",
      "data_quality_violation", "retraining",
    ] : event => true
  }
}

run "every_event_reaches_a_function_or_the_queue" {
  module { source = "../modules/events" }

  assert {
    condition = {
      for key, target in aws_cloudwatch_event_target.this : key => target.arn if target.target_id != "notify"
      } == {
      new-data              = var.functions["start-pipeline"].arn
      model-quality-verdict = var.functions["guard-retraining"].arn
    }
    error_message = "New data must start pipelines, a verdict must reach the guard, and all else must be notified."
  }
  assert {
    condition = alltrue([
      for target in aws_cloudwatch_event_target.this :
      target.dead_letter_config[0].arn == var.undelivered_events_queue_arn
    ])
    error_message = "An event that does not reach its function must be kept."
  }
  assert {
    condition     = keys(aws_lambda_permission.rule) == keys(aws_cloudwatch_event_rule.this)
    error_message = "Each rule must have permission to invoke its function."
  }
}

run "patterns_match_only_what_they_are_for" {
  module { source = "../modules/events" }

  assert {
    condition = jsondecode(output.patterns["new-data"]) == {
      source      = ["aws.s3"]
      detail-type = ["Object Created"]
      detail = {
        bucket = { name = ["abalone-dev-111122223333"] }
        object = { key = [{ prefix = "data/inference/" }, { prefix = "data/training/" }] }
      }
    }
    error_message = "New data must be an object in the bucket, below one of the prefixes."
  }
  assert {
    condition = jsondecode(output.patterns["model-quality-verdict"]).detail == {
      pipelineArn       = [var.pipeline_arns.inference]
      stepName          = ["ModelQuality"]
      currentStepStatus = ["Succeeded"]
    }
    error_message = "Only a successful step ModelQuality of the inference pipeline may lead to retraining."
  }
  assert {
    condition = alltrue([
      for pattern in [for json in values(output.patterns) : jsondecode(json)] :
      pattern.detail == { environment = ["dev"] } if pattern.source == ["mlops.abalone"]
    ])
    error_message = "The project's own events must match in their environment only."
  }
}

run "disabled_notification_has_no_rule" {
  module { source = "../modules/events" }
  variables {
    enabled = {
      model_registered       = true
      model_approved         = false
      model_rejected         = false
      step_failed            = false
      execution_failed       = true
      execution_succeeded    = false
      data_quality_violation = false
      retraining             = false
    }
  }

  assert {
    condition = keys(output.rule_names) == [
      "execution-failed", "model-quality-verdict", "model-registered", "new-data",
    ]
    error_message = "There must be rules for enabled notifications, and for what starts pipelines."
  }
}

run "success_of_a_step_is_notified_where_a_text_asks_for_it" {
  module { source = "../modules/events" }
  variables { succeeded_steps = ["Train", "LargestErrors"] }

  assert {
    condition     = jsondecode(output.patterns["step-succeeded"]).detail.stepName == ["Train", "LargestErrors"]
    error_message = "The success of other steps must not be notified."
  }
}

run "success_of_any_step_is_notified_where_a_text_names_none" {
  module { source = "../modules/events" }
  variables { succeeded_steps = ["Train", "*"] }

  assert {
    condition     = !can(jsondecode(output.patterns["step-succeeded"]).detail.stepName)
    error_message = "The success of every step must be notified."
  }
}

run "unknown_switch_is_rejected" {
  command = plan
  module { source = "../modules/events" }
  variables { enabled = { model_registered = true, model_aproved = true } }
  expect_failures = [var.enabled]
}
