# Two projects or environments in one account never have a name in common.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  environment               = "dev"
  environment_file          = "tests/environments/plain.yaml"
  new_data_starts_pipelines = true
  training_schedule         = "rate(7 days)"
  monthly_budget_usd        = 100
}

run "names_begin_with_project_and_environment" {
  command = apply

  assert {
    condition     = output.bucket == "${local.project}-dev-111122223333"
    error_message = "The bucket must be <project>-<environment>-<account>: its name is one for all of AWS."
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
    error_message = "The parameters must lie where `python -m pipelines` looks for them."
  }
}

# Were `approved` and `model-approved` both names of rules, those of x-model in dev ... would meet those of x.
run "no_name_ends_like_another_of_its_kind" {
  command = apply

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
        !endswith(pair[0], "-${trimprefix(pair[1], "${local.stem}-")}") || pair[0] == pair[1]
      ])
    ])
    error_message = "No name may end in - and another one: what belongs to one project could be taken for another's."
  }
}

run "an_environment_that_would_make_a_function_of_a_role_is_refused" {
  command = plan
  variables {
    environment = "start"
  }
  expect_failures = [var.environment]
}
