variable "context" {
  description = "What all resources of the environment share: see infra/live/locals.tf."
  type        = object({ name_prefix = string, account_id = string, permissions_boundary_arn = optional(string) })
}

variable "kms_key_arn" {
  description = "The key that encrypts the schedules and their dead-letter queue."
  type        = string
}

variable "pipeline_arns" {
  description = "The ARN of each kind of pipeline; the pipelines may be created later."
  type        = object({ training = string, training-hpo = string, inference = string })
}

variable "undelivered_events_queue_arn" {
  description = "The dead-letter queue for starts that failed."
  type        = string
}

variable "schedules" {
  description = "When each kind of pipeline starts, for example {training = \"cron(0 3 ? * MON *)\"}."
  type        = map(string)

  validation {
    condition     = length(var.schedules) > 0
    error_message = "schedules must not be empty; without schedules, leave the module out."
  }

  validation {
    condition     = length(setsubtract(keys(var.schedules), ["training", "training-hpo", "inference"])) == 0
    error_message = "schedules must be for training, training-hpo or inference."
  }
}

variable "timezone" {
  description = "The time zone of the schedules, for example Europe/Berlin."
  type        = string
  default     = "UTC"
}
