output "topic_arn" {
  description = "The topic whose subscribers are told: publish here."
  value       = aws_sns_topic.notifications.arn
}

output "undelivered_events_queue" {
  description = "Holds the events and schedules that did not reach their target: arn, name, url."
  value       = local.described_queues["undelivered-events"]
}

output "failed_calls_queue" {
  description = "Holds the events that a function was called with, and failed on each time: arn, name, url."
  value       = local.described_queues["failed-calls"]
}
