variable "stem" {
  description = "The start of every name, project-environment, for example abalone-rings-dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*[a-z0-9]$", var.stem))
    error_message = "stem must be lower-case words joined by hyphens, for example abalone-rings-dev."
  }
}

variable "account_id" {
  description = "The 12 digits of the AWS account, whose services alone may publish."
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
  description = "The key of the topic and the queues. Its policy must let EventBridge, CloudWatch and Budgets use it."
  type        = string
}

variable "emails" {
  description = "Who is told. AWS sends each address a link first, and nothing more until it was followed."
  type        = set(string)
}
