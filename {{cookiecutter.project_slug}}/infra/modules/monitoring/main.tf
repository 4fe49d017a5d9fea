# What people are told when the chain of events itself breaks. An execution that failed is told of by the function
# notify.

locals {
  alarms = merge(
    {
      for key, queue in var.queues : "${key}-waiting" => {
        description = "${queue.name} holds what nobody acted on. Read it, mend the cause, send it again or purge it."
        namespace   = "AWS/SQS"
        metric      = "ApproximateNumberOfMessagesVisible"
        dimensions  = { QueueName = queue.name }
        statistic   = "Maximum"
      }
    },
    {
      for key, function in var.functions : "${key}-errors" => {
        description = "${function.name} failed. Its log /aws/lambda/${function.name} says why."
        namespace   = "AWS/Lambda"
        metric      = "Errors"
        dimensions  = { FunctionName = function.name }
        statistic   = "Sum"
      }
    },
    {
      for key, function in var.functions : "${key}-throttles" => {
        description = "${function.name} was called more often at once than its account or its reservation allows."
        namespace   = "AWS/Lambda"
        metric      = "Throttles"
        dimensions  = { FunctionName = function.name }
        statistic   = "Sum"
      }
    },
    {
      for key, rule in var.rule_names : "${key}-not-delivered" => {
        description = "${rule} could not call its function. Events wait in ${var.queues["undelivered-events"].name}."
        namespace   = "AWS/Events"
        metric      = "FailedInvocations"
        dimensions  = { RuleName = rule }
        statistic   = "Sum"
      }
    },
  )
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.stem}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.topic_arn]
}

resource "aws_budgets_budget" "this" {
  count = var.monthly_budget_usd == 0 ? 0 : 1

  name         = var.stem
  budget_type  = "COST"
  limit_amount = tostring(var.monthly_budget_usd)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"

  cost_filter {
    name   = "TagKeyValue"
    values = [format("user:project$%s", var.project)]
  }

  notification {
    notification_type         = "FORECASTED"
    comparison_operator       = "GREATER_THAN"
    threshold                 = 80
    threshold_type            = "PERCENTAGE"
    subscriber_sns_topic_arns = [var.topic_arn]
  }

  notification {
    notification_type         = "ACTUAL"
    comparison_operator       = "GREATER_THAN"
    threshold                 = 100
    threshold_type            = "PERCENTAGE"
    subscriber_sns_topic_arns = [var.topic_arn]
  }
}
