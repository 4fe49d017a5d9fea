output "bucket" {
  description = "The bucket for data, code and results."
  value       = module.storage.bucket.name
}

output "kms_key_arn" {
  description = "The key that encrypts everything the project stores."
  value       = module.storage.kms_key_arn
}

output "role_arn" {
  description = "The execution role of the pipelines."
  value       = module.execution_role.role_arn
}

output "model_package_group" {
  description = "The model package group for registered models."
  value       = module.registry.model_package_group.name
}

output "subnets" {
  description = "The ids of the jobs' subnets."
  value       = local.subnets
}

output "security_groups" {
  description = "The ids of the jobs' security groups."
  value       = local.security_groups
}

output "parameters" {
  description = "The names of the SSM parameters that pass the above to `mlops`."
  value       = { for key, parameter in aws_ssm_parameter.this : key => parameter.name }
}

output "functions" {
  description = "Each Lambda function by its short name: arn, name."
  value       = module.functions.functions
}

output "table" {
  description = "The table of sent messages and retraining decisions: arn, name."
  value       = module.functions.table
}

output "topic_arn" {
  description = "The topic for notifications."
  value       = module.notifications.topic_arn
}

output "queues" {
  description = "The dead-letter queues by what they hold: arn, name, url."
  value = {
    failed-calls       = module.notifications.failed_calls_queue
    undelivered-events = module.notifications.undelivered_events_queue
  }
}

output "rule_names" {
  description = "The name of each rule by its short name, for example model-approved."
  value       = module.events.rule_names
}

output "schedule_names" {
  description = "The name of the schedule of each kind of pipeline that has one."
  value       = one(module.schedules[*].schedule_names)
}

output "alarm_names" {
  description = "The names of all alarms."
  value       = module.monitoring.alarm_names
}

output "dashboard_name" {
  description = "The name of the CloudWatch dashboard."
  value       = module.monitoring.dashboard_name
}
