variable "context" {
  description = "What all resources of the environment share: see infra/live/locals.tf."
  type        = object({ account_id = string, region = string, partition = string })
}

variable "name" {
  description = "The name of the model package group."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9](-*[a-z0-9]){0,62}$", var.name))
    error_message = <<-EOT
      The name of the model package group must consist of at most 63 lower-case letters, digits and inner hyphens:
      SageMaker converts it to lower case in ARNs.
    EOT
  }
}

variable "description" {
  description = "The description shown in the registry."
  type        = string
}

variable "consumer_account_ids" {
  description = "Other accounts that may read and deploy the registered models."
  type        = set(string)
  default     = []
}
