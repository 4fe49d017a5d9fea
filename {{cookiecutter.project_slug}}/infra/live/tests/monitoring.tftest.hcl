# The alarms and the budget.

mock_provider "aws" { source = "./tests/mocks" }

variables {
  context = { name_prefix = "abalone-dev", region = "eu-west-1", project = "abalone" }

  functions = {
    notify = { name = "abalone-dev-notify", arn = "arn:aws:lambda:eu-west-1:111122223333:function:abalone-dev-notify" }
  }
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

run "every_failure_raises_an_alarm_and_costs_are_limited" {
  module { source = "../modules/monitoring" }

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
    condition = alltrue([
      for alarm in aws_cloudwatch_metric_alarm.this :
      alarm.alarm_actions == toset([var.topic_arn]) && alarm.threshold == 0
    ])
    error_message = "The first message, error or throttled call must be notified."
  }
  assert {
    condition     = one(aws_budgets_budget.this[0].cost_filter).values == tolist(["user:project$abalone"])
    error_message = "The budget must count what has the project's tag."
  }
}

run "budget_of_zero_is_none" {
  module { source = "../modules/monitoring" }
  variables { monthly_budget_usd = 0 }

  assert {
    condition     = length(aws_budgets_budget.this) == 0
    error_message = "Without an amount there must be no budget."
  }
}

run "negative_budget_is_rejected" {
  command = plan
  module { source = "../modules/monitoring" }
  variables { monthly_budget_usd = -1 }
  expect_failures = [var.monthly_budget_usd]
}
