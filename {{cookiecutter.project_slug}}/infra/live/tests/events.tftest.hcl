# Which events are acted upon, and that none is lost on its way.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  stem                     = "abalone-dev"
  project                  = "abalone"
  environment              = "dev"
  bucket_name              = "abalone-dev-111122223333"
  model_package_group_name = "abalone-dev"
  pipeline_arns = {
    training     = "arn:aws:sagemaker:eu-west-1:111122223333:pipeline/abalone-dev-training"
    training-hpo = "arn:aws:sagemaker:eu-west-1:111122223333:pipeline/abalone-dev-training-hpo"
    inference    = "arn:aws:sagemaker:eu-west-1:111122223333:pipeline/abalone-dev-inference"
  }
  functions = {
    for name in ["start-pipeline", "guard-retraining", "notify"] :
    name => { name = "abalone-dev-${name}", arn = "arn:aws:lambda:eu-west-1:111122223333:function:abalone-dev-${name}" }
  }
  undelivered_events_queue_arn = "arn:aws:sqs:eu-west-1:111122223333:abalone-dev-undelivered-events"
  new_data_starts_pipelines    = true
  prefixes                     = { "data/training/" = "training", "data/inference/" = "inference" }
  tell = {
    model_registered       = true
    model_approved         = true
    model_rejected         = true
    step_failed            = true
    execution_failed       = true
    execution_succeeded    = true
    data_quality_violation = true
    retraining             = true
  }
}

run "every_event_reaches_a_function_or_the_queue" {
  command = plan
  module {
    source = "../modules/events"
  }

  assert {
    condition = { for key, target in aws_cloudwatch_event_target.this : key => target.arn if target.target_id != "notify" } == {
      new-data              = var.functions["start-pipeline"].arn
      model-quality-verdict = var.functions["guard-retraining"].arn
    }
    error_message = "New data must start pipelines, a verdict must reach the guard, and all else must be told."
  }
  assert {
    condition     = alltrue([for target in aws_cloudwatch_event_target.this : target.dead_letter_config[0].arn == var.undelivered_events_queue_arn])
    error_message = "What does not reach its function must be kept."
  }
  assert {
    condition     = keys(aws_lambda_permission.rule) == keys(aws_cloudwatch_event_rule.this)
    error_message = "Each rule must be allowed to call its function."
  }
}

run "new_data_is_an_object_below_a_prefix" {
  command = plan
  module {
    source = "../modules/events"
  }

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
}

run "a_step_that_crashed_is_no_verdict" {
  command = plan
  module {
    source = "../modules/events"
  }

  assert {
    condition = jsondecode(output.patterns["model-quality-verdict"]).detail == {
      pipelineArn       = [var.pipeline_arns.inference]
      stepName          = ["ModelQuality"]
      currentStepStatus = ["Succeeded"]
    }
    error_message = "Only a judgement of the inference pipeline that ended well may lead to retraining."
  }
}

run "own_events_are_of_one_environment" {
  command = plan
  module {
    source = "../modules/events"
  }

  assert {
    condition = alltrue([
      for pattern in [for json in values(output.patterns) : jsondecode(json)] :
      pattern.detail == { environment = ["dev"] } if pattern.source == ["mlops.abalone"]
    ])
    error_message = "Events of the project's other environments must be theirs to tell."
  }
}

run "what_nobody_wants_to_hear_has_no_rule" {
  command = plan
  module {
    source = "../modules/events"
  }
  variables {
    tell = {
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
    condition     = keys(output.rule_names) == ["execution-failed", "model-quality-verdict", "model-registered", "new-data"]
    error_message = "Only what is to be told may have a rule, beside those that start pipelines."
  }
}

run "a_switch_that_there_is_not_is_refused" {
  command = plan
  module {
    source = "../modules/events"
  }
  variables {
    tell = { model_registered = true, model_aproved = true }
  }

  expect_failures = [var.tell]
}
