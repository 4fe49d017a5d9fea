# The EventBridge rules of rules.tf, and the Lambda function that each of them invokes.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 5.100" }
  }
}

resource "aws_cloudwatch_event_rule" "this" {
  for_each = local.rules

  name          = "${var.context.name_prefix}-${each.key}"
  description   = each.value.description
  event_pattern = each.value.pattern
}

resource "aws_cloudwatch_event_target" "this" {
  for_each = local.rules

  rule      = aws_cloudwatch_event_rule.this[each.key].name
  target_id = each.value.function
  arn       = var.functions[each.value.function].arn

  # After six hours an alarm is more useful than another retry.
  retry_policy {
    maximum_event_age_in_seconds = 6 * 60 * 60
    maximum_retry_attempts       = 100
  }

  dead_letter_config {
    arn = var.undelivered_events_queue_arn
  }
}

resource "aws_lambda_permission" "rule" {
  for_each = local.rules

  statement_id  = each.key
  action        = "lambda:InvokeFunction"
  function_name = var.functions[each.value.function].name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.this[each.key].arn
}

output "rule_names" {
  description = "The name of each rule by its short name, for example model-approved."
  value       = { for key, rule in aws_cloudwatch_event_rule.this : key => rule.name }
}

output "patterns" {
  description = "The event pattern of each rule as JSON, by its short name."
  value       = { for key, rule in aws_cloudwatch_event_rule.this : key => rule.event_pattern }
}
