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

variable "kms_key_arn" {
  description = "The key of the bucket, and of the volumes of all instances."
  type        = string
}

variable "bucket_arn" {
  description = "The bucket for data, code and results."
  type        = string
}

variable "model_package_group_arn" {
  description = "The model package group for registered models."
  type        = string
}

variable "function_arns" {
  description = "The Lambda functions that pipelines call as steps."
  type        = list(string)
}

variable "batch_inference" {
  description = "`batch_inference` of config/pipelines.yaml: the kind of job that predicts a batch."
  type        = string

  validation {
    condition     = contains(["processing", "transform"], var.batch_inference)
    error_message = "batch_inference must be processing or transform."
  }
}

variable "subnets" {
  description = "The ids of the jobs' subnets."
  type        = list(string)
}

variable "security_groups" {
  description = "The ids of the jobs' security groups."
  type        = list(string)
}

variable "image_uris" {
  description = "The team's images in ECR, images and monitor_image_uri of the environment; null for SageMaker's."
  type = object({
    processing = optional(string)
    training   = optional(string)
    serving    = optional(string)
    monitor    = optional(string)
  })

  validation {
    condition = alltrue([
      for uri in compact(values(var.image_uris)) :
      can(regex("^[0-9]{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.amazonaws\\.com(\\.cn)?/[^:@]+", uri))
    ])
    error_message = <<-EOT
      images, image_uri and monitor_image_uri must be images in ECR, the only registry SageMaker supports:
      <account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag> or ...@sha256:<digest>.
    EOT
  }
}
