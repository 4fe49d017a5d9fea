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

variable "kms_key_arn" {
  description = "The key of the bucket, and of the volumes of all machines."
  type        = string
}

variable "permissions_boundary_arn" {
  description = "What limits every role, made by infra/bootstrap; null for none."
  type        = string
  default     = null
}

variable "bucket_arn" {
  description = "The bucket of data, code and results."
  type        = string
}

variable "model_package_group_arn" {
  description = "The group that models are registered in."
  type        = string
}

variable "function_arns" {
  description = "The Lambda functions that are steps of the pipelines."
  type        = list(string)
}

variable "batch_inference" {
  description = <<-EOT
    What predicts a batch, `batch_inference` of config/pipelines.yaml: a processing job, or a batch transform job of a
    model.
  EOT
  type        = string

  validation {
    condition     = contains(["processing", "transform"], var.batch_inference)
    error_message = "batch_inference must be processing or transform."
  }
}

variable "subnets" {
  description = "The ids of the subnets that jobs run in."
  type        = list(string)
}

variable "security_groups" {
  description = "The ids of the security groups that jobs belong to."
  type        = list(string)
}

variable "image_uris" {
  description = <<-EOT
    The team's own images in ECR, in place of SageMaker's: `image_uri` and `monitor_image_uri` of the environment; null
    where it names none.
  EOT
  type        = object({ jobs = optional(string), monitor = optional(string) })

  validation {
    condition = alltrue([
      for uri in compact(values(var.image_uris)) :
      can(regex("^[0-9]{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.amazonaws\\.com(\\.cn)?/[^:@]+", uri))
    ])
    error_message = <<-EOT
      image_uri and monitor_image_uri must be images in ECR,
      <account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag>: SageMaker pulls from nowhere else.
    EOT
  }
}
