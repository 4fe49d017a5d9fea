output "rule_names" {
  description = "The name of each rule, by its short name, for example model-approved."
  value       = { for key, rule in aws_cloudwatch_event_rule.this : key => rule.name }
}

output "patterns" {
  description = "The event pattern of each rule as JSON, by its short name."
  value       = { for key, rule in aws_cloudwatch_event_rule.this : key => rule.event_pattern }
}
