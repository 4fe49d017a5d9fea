variable "stem" {
  description = "The start of every name, project-environment, for example abalone-rings-dev."
  type        = string
}

variable "bucket" {
  description = "The name of the bucket; its access logs go to the bucket <name>-logs."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,56}[a-z0-9]$", var.bucket))
    error_message = "bucket must be 3 to 58 lower-case letters, digits, . and -: <bucket>-logs is a bucket's name, too."
  }
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

variable "log_retention_days" {
  description = "For how many days access logs are kept."
  type        = number
}

variable "noncurrent_version_days" {
  description = "For how many days an object that was overwritten or deleted can be brought back."
  type        = number
  default     = 90

  validation {
    condition = (
      var.noncurrent_version_days >= 1 && floor(var.noncurrent_version_days) == var.noncurrent_version_days
    )
    error_message = "noncurrent_version_days must be a whole number from 1."
  }
}

variable "executions_expiry_days" {
  description = <<-EOT
    For how many days what an execution wrote is kept, below executions/; null for ever. The artifacts of registered
    models lie there too: a model that is older than this can no longer be used.
  EOT
  type        = number
  default     = null

  validation {
    condition = (
      var.executions_expiry_days == null
      ? true
      : var.executions_expiry_days >= 1 && floor(var.executions_expiry_days) == var.executions_expiry_days
    )
    error_message = "executions_expiry_days must be a whole number from 1, or null to keep everything."
  }

  validation {
    condition     = var.executions_expiry_days == null ? true : var.executions_expiry_days > var.cache_days
    error_message = <<-EOT
      executions_expiry_days must be more than cache_days in config/pipelines.yaml, ${var.cache_days}: SageMaker takes
      cached results without looking whether they are still there.
    EOT
  }
}

variable "cache_days" {
  description = "For how many days a step's result is used again, `cache_days` of config/pipelines.yaml."
  type        = number
}

variable "consumer_account_ids" {
  description = "Other accounts that may read the artifacts of models, and use the key for it."
  type        = set(string)
  default     = []
}

variable "force_destroy" {
  description = "Whether `terraform destroy` may delete buckets that hold objects, and every object with them."
  type        = bool
  default     = false
}
