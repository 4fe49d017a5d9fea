# The root module: what is created for which configuration, which configurations are rejected, and all names.

mock_provider "aws" { source = "./tests/mocks" }

variables {
  environment               = "dev"
  environment_file          = "tests/environments/plain.yaml"
  new_data_starts_pipelines = true
  monthly_budget_usd        = 100
}

run "without_subnets_a_network_is_created" {
  assert {
    condition     = length(module.network) == 1 && length(output.subnets) == 2
    error_message = "The environment lists no subnets, so a network with two of them must be created."
  }
  assert {
    condition     = aws_ssm_parameter.this["subnets"].value == join(",", output.subnets)
    error_message = "The parameter must hold the created subnets."
  }
}

run "existing_network_and_chosen_names_are_used" {
  variables { environment_file = "tests/environments/own_names.yaml" }

  assert {
    condition     = length(module.network) == 0
    error_message = "The environment has a network, so none may be created."
  }
  assert {
    condition     = aws_ssm_parameter.this["subnets"].value == "subnet-0a1b2c3d,subnet-4e5f6a7b"
    error_message = "The parameter must hold the existing subnets."
  }
  assert {
    condition     = aws_ssm_parameter.this["security-groups"].type == "StringList"
    error_message = "Lists must be stored as lists."
  }
  assert {
    condition     = output.bucket == "our-own-data" && aws_ssm_parameter.this["bucket"].value == "our-own-data"
    error_message = "The bucket must have the name from the environment's file."
  }
  assert {
    condition     = output.model_package_group == "our-models"
    error_message = "The model package group must have the name from the environment's file."
  }
}

run "new_data_starts_pipelines_and_no_schedule_does" {
  assert {
    condition     = contains(keys(output.rule_names), "new-data") && output.schedule_names == null
    error_message = "There must be a rule for new data, and no schedule."
  }
}

run "schedules_start_pipelines_and_new_data_does_not" {
  variables {
    new_data_starts_pipelines = false
    training_schedule         = "cron(0 3 ? * MON *)"
  }

  assert {
    condition     = !contains(keys(output.rule_names), "new-data") && keys(output.schedule_names) == ["training"]
    error_message = "There must be the requested schedule, and no rule for new data."
  }
}

run "schedule_without_an_expression_is_rejected" {
  command = plan
  variables { training_schedule = "every Monday" }
  expect_failures = [var.training_schedule]
}

run "address_without_a_domain_is_rejected" {
  command = plan
  variables { notification_emails = ["ml-team"] }
  expect_failures = [var.notification_emails]
}

run "retention_that_cloudwatch_does_not_support_is_rejected" {
  command = plan
  variables { log_retention_days = 100 }
  expect_failures = [var.log_retention_days]
}

run "environment_of_two_words_is_rejected" {
  command = plan
  variables { environment = "my-dev" }
  expect_failures = [var.environment]
}

run "environment_named_like_the_state_bucket_is_rejected" {
  command = plan
  variables { environment = "tfstate" }
  expect_failures = [var.environment]
}

run "environment_whose_role_would_be_named_like_a_function_s_is_rejected" {
  command = plan
  variables { environment = "start" }
  expect_failures = [var.environment]
}

run "environment_without_a_file_is_rejected" {
  command = plan
  variables {
    environment      = "nowhere"
    environment_file = null
  }
  expect_failures = [var.environment]
}

run "subnets_without_security_groups_are_rejected" {
  command = plan
  variables { environment_file = "tests/environments/half_a_network.yaml" }
  expect_failures = [terraform_data.configuration]
}

run "jobs_without_a_network_are_rejected" {
  command = plan
  variables { create_network = false }
  expect_failures = [terraform_data.configuration]
}

run "endpoints_in_an_existing_network_are_rejected" {
  command = plan
  variables {
    environment_file    = "tests/environments/own_names.yaml"
    interface_endpoints = ["kms"]
  }
  expect_failures = [terraform_data.configuration]
}

run "existing_key_is_rejected" {
  command = plan
  variables { environment_file = "tests/environments/own_key.yaml" }
  expect_failures = [terraform_data.configuration]
}

run "names_begin_with_project_and_environment" {
  variables { training_schedule = "rate(7 days)" }

  assert {
    condition     = output.bucket == "${local.project}-dev-111122223333"
    error_message = "The bucket must be named <project>-<environment>-<account>, because its name is global."
  }
  assert {
    condition = alltrue([
      for name in concat(
        [for function in output.functions : function.name],
        [for queue in output.queues : queue.name],
        values(output.rule_names),
        values(output.schedule_names),
        values(local.pipeline_names),
        output.alarm_names,
        [output.table.name],
      ) : startswith(name, "${local.project}-dev-")
    ])
    error_message = "Every name must begin with <project>-<environment>-."
  }
  assert {
    condition     = alltrue([for key, name in output.parameters : name == "/mlops/${local.project}/dev/${key}"])
    error_message = "The parameters must be where `mlops` reads them."
  }
}

# If `approved` and `model-approved` were both rules, those of project x-model and project x could coincide.
run "no_name_ends_with_another_of_its_kind" {
  variables { training_schedule = "rate(7 days)" }

  assert {
    condition = alltrue([
      for names in [
        [for function in output.functions : function.name],
        [for queue in output.queues : queue.name],
        values(output.rule_names),
        values(local.pipeline_names),
        output.alarm_names,
      ] :
      alltrue([
        for pair in setproduct(names, names) :
        !endswith(pair[0], "-${trimprefix(pair[1], "${local.name_prefix}-")}") || pair[0] == pair[1]
      ])
    ])
    error_message = "A name ends with a hyphen and another name: names of two projects could coincide."
  }
}
