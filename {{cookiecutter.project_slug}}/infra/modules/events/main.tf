# The rules, and the function that each of them calls.

resource "aws_cloudwatch_event_rule" "this" {
  for_each = local.rules

  name          = "${var.stem}-${each.key}"
  description   = each.value.description
  event_pattern = each.value.pattern
}

resource "aws_cloudwatch_event_target" "this" {
  for_each = local.rules

  rule      = aws_cloudwatch_event_rule.this[each.key].name
  target_id = each.value.function
  arn       = var.functions[each.value.function].arn

  # A function that cannot be reached for so long is better known of than waited for.
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
