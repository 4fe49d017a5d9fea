# What is made follows from what was chosen.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  environment               = "dev"
  environment_file          = "tests/environments/plain.yaml"
  new_data_starts_pipelines = true
  monthly_budget_usd        = 100
}

run "without_subnets_there_is_a_network_of_our_own" {
  command = apply

  assert {
    condition     = length(module.network) == 1 && length(output.subnets) == 2
    error_message = "The environment names no subnets, so jobs need the two of a network of its own."
  }
  assert {
    condition     = aws_ssm_parameter.this["subnets"].value == join(",", output.subnets)
    error_message = "`python -m pipelines` must find the subnets that were made."
  }
}

run "given_subnets_are_taken" {
  command = apply
  variables {
    environment_file = "tests/environments/own_names.yaml"
  }

  assert {
    condition     = length(module.network) == 0
    error_message = "The environment names its network: none may be made."
  }
  assert {
    condition     = aws_ssm_parameter.this["subnets"].value == "subnet-0a1b2c3d,subnet-4e5f6a7b"
    error_message = "`python -m pipelines` must find the subnets that were given."
  }
  assert {
    condition     = aws_ssm_parameter.this["security-groups"].type == "StringList"
    error_message = "Lists must be told as lists."
  }
}

run "a_team_may_name_things_otherwise" {
  command = apply
  variables {
    environment_file = "tests/environments/own_names.yaml"
  }

  assert {
    condition     = output.bucket == "our-own-data" && aws_ssm_parameter.this["bucket"].value == "our-own-data"
    error_message = "The bucket must have the name that the environment gives it."
  }
  assert {
    condition     = output.model_package_group == "our-models"
    error_message = "The model package group must have the name that the environment gives it."
  }
}

run "new_data_starts_pipelines" {
  command = apply

  assert {
    condition     = contains(keys(output.rule_names), "new-data")
    error_message = "There must be a rule for new data."
  }
  assert {
    condition     = output.schedule_names == null
    error_message = "Nobody asked for a schedule."
  }
}

run "schedules_start_pipelines" {
  command = apply
  variables {
    new_data_starts_pipelines = false
    training_schedule         = "cron(0 3 ? * MON *)"
  }

  assert {
    condition     = !contains(keys(output.rule_names), "new-data")
    error_message = "New data must start nothing."
  }
  assert {
    condition     = keys(output.schedule_names) == ["training"]
    error_message = "There must be the one schedule that was asked for."
  }
}

run "a_schedule_is_an_expression_of_the_scheduler" {
  command = plan
  variables {
    training_schedule = "every Monday"
  }
  expect_failures = [var.training_schedule]
}

run "an_address_is_one" {
  command = plan
  variables {
    notification_emails = ["ml-team"]
  }
  expect_failures = [var.notification_emails]
}

run "logs_are_kept_as_long_as_cloudwatch_offers" {
  command = plan
  variables {
    log_retention_days = 100
  }
  expect_failures = [var.log_retention_days]
}
