# What both root modules derive from the project, the environment and the region, and which values they reject.

mock_provider "aws" { source = "./tests/mocks" }

variables {
  project     = "abalone"
  environment = "dev"
  region      = "eu-west-1"
  tags        = { cost-center = "4711" }
}

run "team_s_tags_are_on_everything_beside_those_of_the_project" {
  command = plan
  module { source = "../modules/names" }

  assert {
    condition = output.tags == {
      cost-center = "4711"
      environment = "dev"
      managed-by  = "terraform"
      project     = "abalone"
    }
    error_message = "The tags of the team and of the project must be merged."
  }
}

run "tag_that_the_project_sets_itself_is_rejected_in_any_case" {
  command = plan
  module { source = "../modules/names" }
  variables { tags = { Project = "x" } }
  expect_failures = [var.tags]
}

run "tags_that_differ_only_in_case_are_rejected" {
  command = plan
  module { source = "../modules/names" }
  variables { tags = { Team = "x", team = "y" } }
  expect_failures = [var.tags]
}

run "region_without_budgets_is_known" {
  command = plan
  module { source = "../modules/names" }
  variables { region = "us-gov-west-1" }

  assert {
    condition     = output.partition.name == "aws-us-gov" && !output.partition.has_budgets
    error_message = "AWS GovCloud has no AWS Budgets."
  }
}

run "name_that_a_rule_could_not_have_is_rejected" {
  command = plan
  module { source = "../modules/names" }
  variables { project = "abalone-rings-of-the-northern-seas-and-more" }
  expect_failures = [var.project]
}
