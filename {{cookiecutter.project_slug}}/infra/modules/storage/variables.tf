variable "context" {
  description = "What all resources of the environment share: see infra/live/locals.tf."
  type = object({
    name_prefix = string
    account_id  = string
    region      = string
    partition   = string
    dns_suffix  = string
  })
}

variable "bucket" {
  description = "The name of the bucket; its access logs go to the bucket <name>-logs."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,56}[a-z0-9]$", var.bucket))
    error_message = "bucket must be 3 to 58 lower-case letters, digits, dots and hyphens; <bucket>-logs exists, too."
  }

  validation {
    condition = !can(regex(
      "^(xn--|sthree-|amzn-s3-demo-)|^\\d+\\.\\d+\\.\\d+\\.\\d+$|\\.\\.|(-s3alias|--ol-s3|\\.mrap|--x-s3|--table-s3)$",
      var.bucket
    ))
    error_message = <<-EOT
      bucket must not have two dots in a row, be an IP address, or have a beginning or end that S3 reserves, for example
      xn-- or -s3alias.
    EOT
  }
}

variable "log_retention_days" {
  description = "How many days access logs are kept."
  type        = number
}

variable "noncurrent_version_days" {
  description = "How many days an overwritten or deleted object can be restored."
  type        = number
  default     = 90

  validation {
    condition = (
      var.noncurrent_version_days >= 1 && floor(var.noncurrent_version_days) == var.noncurrent_version_days
    )
    error_message = "noncurrent_version_days must be a positive integer."
  }
}

variable "executions_expiry_days" {
  description = <<-EOT
    How many days the results of an execution are kept; null to keep them. The artifacts of registered models are among
    them: an older model can no longer be used.
  EOT
  type        = number
  default     = null

  validation {
    condition = (
      var.executions_expiry_days == null
      ? true
      : var.executions_expiry_days >= 1 && floor(var.executions_expiry_days) == var.executions_expiry_days
    )
    error_message = "executions_expiry_days must be a positive integer, or null to keep everything."
  }

  validation {
    condition     = var.executions_expiry_days == null ? true : var.executions_expiry_days > var.cache_days
    error_message = <<-EOT
      executions_expiry_days must exceed cache_days in config/pipelines.yaml, ${var.cache_days}: SageMaker reuses cached
      results without checking that they still exist.
    EOT
  }
}

variable "cache_days" {
  description = "How many days a step's result is reused, `cache_days` of config/pipelines.yaml."
  type        = number
}

variable "consumer_account_ids" {
  description = "Other accounts that may read and decrypt the artifacts of models."
  type        = set(string)
  default     = []
}

variable "force_destroy" {
  description = "Whether `terraform destroy` may delete buckets that are not empty, with all their objects."
  type        = bool
  default     = false
}
