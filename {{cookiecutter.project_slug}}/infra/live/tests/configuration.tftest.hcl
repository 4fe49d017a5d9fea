# What cannot be is refused with a sentence, before anything is made.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  environment               = "dev"
  environment_file          = "tests/environments/plain.yaml"
  new_data_starts_pipelines = true
  monthly_budget_usd        = 100
}

run "an_environment_is_one_word" {
  command = plan
  variables {
    environment = "my-dev"
  }
  expect_failures = [var.environment]
}

run "an_environment_is_not_called_like_the_state" {
  command = plan
  variables {
    environment = "tfstate"
  }
  expect_failures = [var.environment]
}

run "an_environment_needs_its_file" {
  command = plan
  variables {
    environment      = "nowhere"
    environment_file = null
  }
  expect_failures = [var.environment]
}

run "half_a_network_is_none" {
  command = plan
  variables {
    environment_file = "tests/environments/half_a_network.yaml"
  }
  expect_failures = [terraform_data.configuration]
}

run "jobs_need_a_network" {
  command = plan
  variables {
    create_network = false
  }
  expect_failures = [terraform_data.configuration]
}

run "endpoints_need_a_network_of_our_own" {
  command = plan
  variables {
    environment_file    = "tests/environments/own_names.yaml"
    interface_endpoints = ["kms"]
  }
  expect_failures = [terraform_data.configuration]
}

run "a_key_is_made_here_and_not_given" {
  command = plan
  variables {
    environment_file = "tests/environments/own_key.yaml"
  }
  expect_failures = [terraform_data.configuration]
}
