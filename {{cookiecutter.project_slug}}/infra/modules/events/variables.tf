variable "stem" {
  description = "The start of every name, project-environment, for example abalone-rings-dev."
  type        = string

  validation {
    condition     = length(var.stem) <= 64 - length("-data-quality-violation")
    error_message = <<-EOT
      stem must be at most 41 characters, since the name of a rule is at most 64; shorten the project or the
      environment.
    EOT
  }
}

variable "project" {
  description = "The project, whose own events come from the source mlops.<project>."
  type        = string
}

variable "environment" {
  description = "The environment, which tells the project's own events from those of its other environments."
  type        = string
}

variable "bucket_name" {
  description = "The bucket whose new objects start pipelines. It must send its events to EventBridge."
  type        = string
}

variable "model_package_group_name" {
  description = "The group whose models are told of."
  type        = string
}

variable "pipeline_arns" {
  description = "The ARN of the pipeline of each kind: training, training-hpo, inference. They need not exist yet."
  type        = object({ training = string, training-hpo = string, inference = string })
}

variable "functions" {
  description = "The functions that are called, by short name: start-pipeline, guard-retraining, notify."
  type        = map(object({ arn = string, name = string }))
}

variable "undelivered_events_queue_arn" {
  description = "The queue that takes an event which did not reach its function."
  type        = string
}

variable "new_data_starts_pipelines" {
  description = "Whether a new object under one of `prefixes` starts its pipeline."
  type        = bool
}

variable "prefixes" {
  description = "The kind of pipeline that new objects start, by the beginning of their keys."
  type        = map(string)
}

variable "tell" {
  description = <<-EOT
    Which events are told of, `notifications.tell` of config/events.yaml: the name of a rule with _ for -, and true or
    false.
  EOT
  type        = map(bool)

  validation {
    condition     = toset(keys(var.tell)) == toset(local.tellable)
    error_message = "notifications.tell must say true or false for ${join(", ", sort(local.tellable))}; no other."
  }
}
