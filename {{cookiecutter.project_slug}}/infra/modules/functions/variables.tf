variable "stem" {
  description = "The start of every name, project-environment, for example abalone-rings-dev."
  type        = string

  validation {
    condition     = length(var.stem) <= 64 - length("-report-data-quality")
    error_message = <<-EOT
      stem must be at most 44 characters, since the name of a function or a role is at most 64; shorten the project or
      the environment.
    EOT
  }
}

variable "project" {
  description = "The project, which the functions put into events and messages."
  type        = string
}

variable "environment" {
  description = "The environment, which the functions put into events and messages."
  type        = string
}

variable "account_id" {
  description = "The 12 digits of the AWS account."
  type        = string
}

variable "region" {
  description = "The AWS region, for example eu-west-1."
  type        = string
}

variable "partition" {
  description = "The partition of AWS that the region belongs to: aws, aws-cn or aws-us-gov."
  type        = string
}

variable "kms_key_arn" {
  description = "The key of the bucket, the topic, the queues, the table, the logs and the functions' variables."
  type        = string
}

variable "log_retention_days" {
  description = "For how many days the functions' logs are kept."
  type        = number
}

variable "permissions_boundary_arn" {
  description = "What limits every role, made by infra/bootstrap; null for none."
  type        = string
  default     = null
}

variable "build_dir" {
  description = "The folder of the packages that infra/package_lambdas.py makes: <function with _ for ->.zip."
  type        = string
}

variable "reserved_concurrency" {
  description = <<-EOT
    How many calls of a function may run at once, by its short name, for example {guard-retraining = 1}; one that is not
    named shares what the account has. AWS takes a reservation only where it leaves the account its minimum unreserved,
    which a new account, with a quota of 10, does not have.
  EOT
  type        = map(number)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.reserved_concurrency) : contains(keys(local.functions), name)])
    error_message = "reserved_concurrency takes no other functions than ${join(", ", keys(local.functions))}."
  }

  validation {
    condition     = alltrue([for calls in values(var.reserved_concurrency) : calls >= 1 && floor(calls) == calls])
    error_message = "reserved_concurrency must be whole numbers from 1; 0 would switch a function off."
  }
}

variable "bucket" {
  description = "The bucket of data and results."
  type        = object({ name = string, arn = string })
}

variable "model_package_group" {
  description = "The group of the registered models."
  type        = object({ name = string, arn = string })
}

variable "pipeline_arns" {
  description = "The ARN of the pipeline of each kind: training, training-hpo, inference. They need not exist yet."
  type        = object({ training = string, training-hpo = string, inference = string })
}

variable "topic_arn" {
  description = "The topic that notify publishes to."
  type        = string
}

variable "failed_calls_queue_arn" {
  description = "The queue that takes an event on which a function failed each time."
  type        = string
}

variable "retraining" {
  description = "When a model has gone bad: `violations` of the last `verdicts`, not twice within `cooldown_hours`."
  type        = object({ cooldown_hours = number, violations = number, verdicts = number })

  validation {
    condition     = var.retraining.cooldown_hours >= 0
    error_message = "retraining.cooldown_hours must be at least 0."
  }

  validation {
    condition = (
      var.retraining.violations >= 1
      && var.retraining.verdicts >= var.retraining.violations
      && floor(var.retraining.violations) == var.retraining.violations
      && floor(var.retraining.verdicts) == var.retraining.verdicts
    )
    error_message = "retraining: violations and verdicts must be whole numbers from 1, violations not above verdicts."
  }
}

variable "texts_json" {
  description = "The team's own words for messages, `notifications.texts` of config/events.yaml as JSON."
  type        = string
  default     = "[]"

  validation {
    condition = try(alltrue([
      for text in jsondecode(var.texts_json) :
      can(text.text) && length(setsubtract(keys(text), ["pipeline", "step", "status", "text"])) == 0
    ]), false)
    error_message = "texts must be a list of {pipeline, step, status, text}; pipeline, step and status may be left out."
  }
}

variable "prefixes" {
  description = "The kind of pipeline that new objects start, by the beginning of their keys."
  type        = map(string)

  validation {
    condition     = length(setsubtract(values(var.prefixes), ["training", "training-hpo", "inference"])) == 0
    error_message = "prefixes must name training, training-hpo or inference for each prefix."
  }
}
