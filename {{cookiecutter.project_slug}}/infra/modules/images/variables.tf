variable "context" {
  description = "What all resources of the environment share: see infra/live/locals.tf."
  type        = object({ name_prefix = string, account_id = string, region = string, partition = string })
}

variable "kms_key_arn" {
  description = "The key of the environment, which encrypts the images."
  type        = string
}

variable "consumer_account_ids" {
  description = "Other accounts that may pull the images."
  type        = set(string)
  default     = []
}

variable "kept_images" {
  description = "How many images are kept, the newest ones."
  type        = number
  default     = 100

  validation {
    condition     = var.kept_images >= 1
    error_message = "kept_images must be at least 1."
  }
}

variable "force_destroy" {
  description = "Whether `terraform destroy` may delete the repository with its images."
  type        = bool
  default     = false
}
