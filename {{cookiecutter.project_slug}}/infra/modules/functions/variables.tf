variable "context" {
  description = "What all resources of the environment share: see infra/live/locals.tf."
  type = object({
    name_prefix              = string
    project                  = string
    environment              = string
    account_id               = string
    region                   = string
    partition                = string
    permissions_boundary_arn = optional(string)
  })

  validation {
    condition     = length(var.context.name_prefix) <= 64 - length("-report-data-quality")
    error_message = <<-EOT
      <project>-<environment> must be at most 44 characters long, because the name of a function or a role may have 64;
      shorten the project or the environment.
    EOT
  }
}

variable "kms_key_arn" {
  description = "The key of the topic, the queues, the table, the logs and the functions' environment variables."
  type        = string
}

variable "log_retention_days" {
  description = "How many days the functions' logs are kept."
  type        = number
}

variable "build_dir" {
  description = "The folder of the packages that infra/package_lambdas.py writes."
  type        = string
}

variable "reserved_concurrency" {
  description = <<-EOT
    The reserved concurrency of a function by its short name, for example {guard-retraining = 1}; other functions share
    the account's unreserved concurrency. AWS rejects a reservation that leaves too little of it, as any does in a new
    account with a quota of 10.
  EOT
  type        = map(number)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.reserved_concurrency) : contains(keys(local.functions), name)])
    error_message = "reserved_concurrency must be for some of ${join(", ", keys(local.functions))}."
  }

  validation {
    condition     = alltrue([for calls in values(var.reserved_concurrency) : calls >= 1 && floor(calls) == calls])
    error_message = "reserved_concurrency must be positive integers; 0 would disable a function."
  }
}

variable "bucket" {
  description = "The bucket for data and results."
  type        = object({ name = string, arn = string })
}

variable "model_package_group" {
  description = "The model package group for registered models."
  type        = object({ name = string, arn = string })
}

variable "pipeline_arns" {
  description = "The ARN of each kind of pipeline; the pipelines may be created later."
  type        = map(string)
}

variable "topic_arn" {
  description = "The topic for notifications."
  type        = string
}

variable "failed_calls_queue_arn" {
  description = "The dead-letter queue for events for which a function failed on every attempt."
  type        = string
}

variable "retraining" {
  description = "When to retrain: after `violations` of the last `verdicts`, and not twice within `cooldown_hours`."
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
    error_message = "retraining: violations and verdicts must be positive integers, violations at most verdicts."
  }
}

variable "prefixes" {
  description = "The kind of pipeline that new objects start, by the prefix of their keys."
  type        = map(string)

  validation {
    condition     = length(setsubtract(values(var.prefixes), ["training", "training-hpo", "inference"])) == 0
    error_message = "prefixes must map each prefix to training, training-hpo or inference."
  }
}

variable "marker" {
  description = <<-EOT
    The name of the only object of a batch that starts a pipeline, `new_data.marker` of config/events.yaml; empty: each
    object with data does.
  EOT
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^([_.][A-Za-z0-9_.=-]{1,99})?$", var.marker))
    error_message = <<-EOT
      config/events.yaml: new_data.marker must be empty, or 2 to 100 letters from A to Z, digits and _ . = -, with _ or .
      first, so that no job reads the object.
    EOT
  }
}
