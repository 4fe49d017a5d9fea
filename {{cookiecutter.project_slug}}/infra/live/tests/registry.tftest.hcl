# Models are looked at by those who are named.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name        = "abalone-dev"
  description = "The models of abalone in dev."
  account_id  = "111122223333"
  region      = "eu-west-1"
  partition   = "aws"
}

run "nobody_else_sees_the_models" {
  command = plan
  module {
    source = "../modules/registry"
  }

  assert {
    condition     = [for statement in jsondecode(aws_sagemaker_model_package_group_policy.this.resource_policy).Statement : statement.Effect] == ["Deny"]
    error_message = "Without consumers the policy must allow nothing."
  }
}

run "consumers_deploy_models_and_do_not_register_them" {
  command = plan
  module {
    source = "../modules/registry"
  }
  variables {
    consumer_account_ids = ["444455556666"]
  }

  assert {
    condition = [
      for statement in jsondecode(aws_sagemaker_model_package_group_policy.this.resource_policy).Statement :
      contains(statement.Action, "sagemaker:CreateModelPackage") if statement.Effect == "Allow"
    ] == [false]
    error_message = "Consumers must not register models."
  }
  assert {
    condition     = length([for statement in jsondecode(aws_sagemaker_model_package_group_policy.this.resource_policy).Statement : statement if statement.Effect == "Deny" && length(statement.Principal.AWS) == 2]) == 1
    error_message = "Consumers must be held to TLS, too."
  }
}

run "a_name_is_one_that_arns_keep" {
  command = plan
  module {
    source = "../modules/registry"
  }
  variables {
    name = "Abalone-Dev"
  }
  expect_failures = [var.name]
}
