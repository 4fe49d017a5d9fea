variable "stem" {
  description = "The start of every name, project-environment, for example abalone-rings-dev."
  type        = string
}

variable "account_id" {
  description = "The 12 digits of the AWS account, for whose schedules alone the role may be assumed."
  type        = string
}

variable "kms_key_arn" {
  description = "The key that encrypts the schedules and the queue of those that failed."
  type        = string
}

variable "permissions_boundary_arn" {
  description = "What limits every role, made by infra/bootstrap; null for none."
  type        = string
  default     = null
}

variable "pipeline_arns" {
  description = "The ARN of the pipeline of each kind: training, training-hpo, inference. They need not exist yet."
  type        = object({ training = string, training-hpo = string, inference = string })
}

variable "undelivered_events_queue_arn" {
  description = "The queue that takes what a schedule could not start."
  type        = string
}

variable "schedules" {
  description = <<-EOT
    When the pipeline of a kind starts, for example {training = "cron(0 3 ? * MON *)"}. Without any, leave the module
    out.
  EOT
  type        = map(string)

  validation {
    condition     = length(var.schedules) > 0
    error_message = "schedules must hold at least one; without any, leave the module out."
  }

  validation {
    condition     = length(setsubtract(keys(var.schedules), ["training", "training-hpo", "inference"])) == 0
    error_message = "schedules must be of training, training-hpo or inference."
  }
}

variable "timezone" {
  description = "The time zone in which the schedules are meant, for example Europe/Berlin."
  type        = string
  default     = "UTC"
}
