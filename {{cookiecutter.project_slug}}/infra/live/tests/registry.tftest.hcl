# Who has access to the registered models.

mock_provider "aws" { source = "./tests/mocks" }

variables {
  context     = { account_id = "111122223333", region = "eu-west-1", partition = "aws" }
  name        = "abalone-dev"
  description = "The models of abalone in dev."
}

run "other_accounts_have_no_access" {
  module { source = "../modules/registry" }

  assert {
    condition = [
      for statement in jsondecode(aws_sagemaker_model_package_group_policy.this.resource_policy).Statement :
      statement.Effect
    ] == ["Deny"]
    error_message = "Without consumers the policy must allow nothing."
  }
}

run "consumers_deploy_models_and_do_not_register_them" {
  module { source = "../modules/registry" }
  variables { consumer_account_ids = ["444455556666"] }

  assert {
    condition = [
      for statement in jsondecode(aws_sagemaker_model_package_group_policy.this.resource_policy).Statement :
      contains(statement.Action, "sagemaker:CreateModelPackage") if statement.Effect == "Allow"
    ] == [false]
    error_message = "Consumers must not register models."
  }
  assert {
    condition = length([
      for statement in jsondecode(aws_sagemaker_model_package_group_policy.this.resource_policy).Statement :
      statement if statement.Effect == "Deny" && length(statement.Principal.AWS) == 2
    ]) == 1
    error_message = "Consumers must be required to use TLS, too."
  }
}

run "name_that_sagemaker_would_change_is_rejected" {
  command = plan
  module { source = "../modules/registry" }
  variables { name = "Abalone-Dev" }
  expect_failures = [var.name]
}
