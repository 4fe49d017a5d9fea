variable "name" {
  description = "The name of the model package group."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9](-*[a-z0-9]){0,62}$", var.name))
    error_message = <<-EOT
      the model package group must have a name of 63 lower-case letters, digits and inner - at most: SageMaker writes it
      in lower case into ARNs.
    EOT
  }
}

variable "description" {
  description = "What the models are for, as the registry shows it."
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

variable "consumer_account_ids" {
  description = "Other accounts that may look at the registered models and deploy them."
  type        = set(string)
  default     = []
}
