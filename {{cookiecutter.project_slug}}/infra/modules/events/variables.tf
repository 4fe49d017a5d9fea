variable "context" {
  description = "What all resources of the environment share: see infra/live/locals.tf."
  type        = object({ name_prefix = string, project = string, environment = string })

  validation {
    condition     = length(var.context.name_prefix) <= 64 - length("-data-quality-violation")
    error_message = <<-EOT
      <project>-<environment> must be at most 41 characters long, because a rule's name may have 64; shorten the project
      or the environment.
    EOT
  }
}

variable "bucket_name" {
  description = "The bucket whose new objects start pipelines. It must send events to EventBridge."
  type        = string
}

variable "model_package_group_name" {
  description = "The model package group whose changes are notified."
  type        = string
}

variable "pipeline_arns" {
  description = "The ARN of each kind of pipeline; the pipelines may be created later."
  type        = map(string)
}

variable "functions" {
  description = "The functions to invoke, by short name: start-pipeline, guard-retraining, notify."
  type        = map(object({ arn = string, name = string }))
}

variable "undelivered_events_queue_arn" {
  description = "The dead-letter queue for events that did not reach their function."
  type        = string
}

variable "new_data_starts_pipelines" {
  description = "Whether a new object under one of `prefixes` starts its pipeline."
  type        = bool
}

variable "prefixes" {
  description = "The kind of pipeline that new objects start, by the prefix of their keys."
  type        = map(string)
}

variable "enabled" {
  description = "`notifications.tell` of config/events.yaml: which notifications are sent, by rule with _ for -."
  type        = map(bool)

  validation {
    condition     = toset(keys(var.enabled)) == toset(local.switches)
    error_message = "notifications.tell must set exactly these to true or false: ${join(", ", sort(local.switches))}."
  }
}

variable "succeeded_steps" {
  description = "The steps whose success is notified: those that notifications.texts asks for; \"*\" is every step."
  type        = list(string)
  default     = []
}
