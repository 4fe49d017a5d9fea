# Who hears when the chain of events itself breaks.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  stem       = "abalone-dev"
  region     = "eu-west-1"
  project    = "abalone"
  functions  = { notify = { name = "abalone-dev-notify", arn = "arn:aws:lambda:eu-west-1:111122223333:function:abalone-dev-notify" } }
  rule_names = { step-failed = "abalone-dev-step-failed" }
  topic_arn  = "arn:aws:sns:eu-west-1:111122223333:abalone-dev-notifications"
  queues = {
    for name in ["failed-calls", "undelivered-events"] : name => {
      name = "abalone-dev-${name}"
      arn  = "arn:aws:sqs:eu-west-1:111122223333:abalone-dev-${name}"
      url  = "https://sqs.eu-west-1.amazonaws.com/111122223333/abalone-dev-${name}"
    }
  }
  pipeline_names     = { training = "abalone-dev-training" }
  monthly_budget_usd = 50
}

run "everything_that_can_break_has_an_alarm_that_people_hear" {
  command = plan
  module {
    source = "../modules/monitoring"
  }

  assert {
    condition = output.alarm_names == tolist([
      "abalone-dev-failed-calls-waiting",
      "abalone-dev-notify-errors",
      "abalone-dev-notify-throttles",
      "abalone-dev-step-failed-not-delivered",
      "abalone-dev-undelivered-events-waiting",
    ])
    error_message = "Each queue, function and rule must have its alarms."
  }
  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_actions == toset([var.topic_arn]) && alarm.threshold == 0])
    error_message = "The first message, error or throttled call must be told of."
  }
}

run "the_budget_counts_the_project" {
  command = plan
  module {
    source = "../modules/monitoring"
  }

  assert {
    condition     = one(aws_budgets_budget.this[0].cost_filter).values == tolist(["user:project$abalone"])
    error_message = "The budget must count what carries the project's tag."
  }
}

run "no_budget_is_none" {
  command = plan
  module {
    source = "../modules/monitoring"
  }
  variables {
    monthly_budget_usd = 0
  }

  assert {
    condition     = length(aws_budgets_budget.this) == 0
    error_message = "Nobody asked for a budget."
  }
}

run "a_budget_below_nothing_is_refused" {
  command = plan
  module {
    source = "../modules/monitoring"
  }
  variables {
    monthly_budget_usd = -1
  }

  expect_failures = [var.monthly_budget_usd]
}
