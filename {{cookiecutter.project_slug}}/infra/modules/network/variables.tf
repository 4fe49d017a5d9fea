variable "stem" {
  description = "The start of every name, project-environment, for example abalone-rings-dev."
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

variable "cidr" {
  description = "The addresses of the network. Each machine of a job takes one or two of them."
  type        = string

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && contains(range(16, 27), try(tonumber(split("/", var.cidr)[1]), 0))
    error_message = "cidr must be a block of IPv4 addresses from /16 to /26, for example 10.42.0.0/22."
  }
}

variable "bucket_arn" {
  description = "The bucket that can be reached, and no other."
  type        = string
}

variable "interface_endpoints" {
  description = <<-EOT
    Further services of AWS that can be reached, for example ["kms", "sagemaker.api"]. Each costs by the hour; the
    pipelines need none.
  EOT
  type        = set(string)
  default     = []

  validation {
    condition = alltrue([
      for service in var.interface_endpoints : can(regex("^[a-z0-9-]+([.][a-z0-9-]+)*$", service))
    ])
    error_message = "interface_endpoints must be ends of endpoints' names, for example kms or sagemaker.api."
  }
}

variable "kms_key_arn" {
  description = "The key that encrypts the flow logs."
  type        = string
}

variable "log_retention_days" {
  description = "For how many days flow logs are kept."
  type        = number
}

variable "permissions_boundary_arn" {
  description = "What limits every role, made by infra/bootstrap; null for none."
  type        = string
  default     = null
}
