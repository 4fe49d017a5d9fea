variable "context" {
  description = "What all resources of the environment share: see infra/live/locals.tf."
  type        = object({ name_prefix = string, account_id = string, region = string, partition = string })

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*[a-z0-9]$", var.context.name_prefix))
    error_message = "name_prefix must be lower-case words joined by hyphens, for example abalone-rings-dev."
  }
}

variable "kms_key_arn" {
  description = "The key of the topic. Its policy must allow EventBridge, CloudWatch and Budgets to use it."
  type        = string
}

variable "kms_key_alias" {
  description = "The alias of the same key, for the queues."
  type        = string
}

variable "emails" {
  description = "The addresses that receive notifications, once they have followed the link that AWS sends them."
  type        = set(string)
}
