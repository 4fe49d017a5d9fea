variable "context" {
  description = "What all resources of the environment share: see infra/live/locals.tf."
  type = object({
    name_prefix              = string
    account_id               = string
    region                   = string
    partition                = string
    permissions_boundary_arn = optional(string)
  })
}

variable "cidr" {
  description = "The IPv4 range of the network. Each instance of a job uses one or two addresses."
  type        = string

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && contains(range(16, 27), try(tonumber(split("/", var.cidr)[1]), 0))
    error_message = "cidr must be an IPv4 range from /16 to /26, for example 10.42.0.0/22."
  }
}

variable "bucket_arn" {
  description = "The only bucket that can be reached."
  type        = string
}

variable "interface_endpoints" {
  description = <<-EOT
    Further AWS services that can be reached, for example ["kms", "sagemaker.api"]. The pipelines need none, and each is
    billed by the hour.
  EOT
  type        = set(string)
  default     = []

  validation {
    condition = alltrue([
      for service in var.interface_endpoints : can(regex("^[a-z0-9-]+([.][a-z0-9-]+)*$", service))
    ])
    error_message = "interface_endpoints must be ends of endpoint service names, for example kms or sagemaker.api."
  }
}

variable "kms_key_arn" {
  description = "The key that encrypts the flow logs."
  type        = string
}

variable "log_retention_days" {
  description = "How many days flow logs are kept."
  type        = number
}
