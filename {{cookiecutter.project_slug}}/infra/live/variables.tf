variable "environment" {
  description = "The environment, one word; its account is described in config/environments/<environment>.yaml."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,11}$", var.environment))
    error_message = "environment must be 2 to 12 lower-case letters and digits, a letter first, for example dev."
  }

  validation {
    condition     = !contains(["start", "tfstate"], var.environment)
    error_message = "environment must not be start or tfstate: its names could coincide with another environment's."
  }

  validation {
    condition = (
      var.environment_file != null || fileexists("${path.module}/../../config/environments/${var.environment}.yaml")
    )
    error_message = "config/environments/${var.environment}.yaml does not exist; copy dev.yaml to add an environment."
  }
}

variable "environment_file" {
  description = "The file that describes the account, if it is not config/environments/<environment>.yaml."
  type        = string
  default     = null

  validation {
    condition     = var.environment_file == null ? true : fileexists(var.environment_file)
    error_message = "environment_file must exist; a relative path starts in infra/live."
  }
}

variable "create_network" {
  description = "Whether to create a network if the environment's file lists no subnets."
  type        = bool
  default     = true
}

variable "network_cidr" {
  description = "The IPv4 range of a created network, /16 to /26. Each instance of a job uses one or two addresses."
  type        = string
  default     = "10.42.0.0/22"
}

variable "interface_endpoints" {
  description = <<-EOT
    Further AWS services that a created network reaches, for example ["kms"]. The pipelines need none, and each is
    billed by the hour.
  EOT
  type        = set(string)
  default     = []
}

variable "notification_emails" {
  description = "The addresses that receive notifications. Each must first confirm the link that AWS sends."
  type        = set(string)
  default     = []

  validation {
    condition = alltrue([
      for email in var.notification_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", email))
    ])
    error_message = "notification_emails must be e-mail addresses, for example [\"ml-team@example.com\"]."
  }
}

variable "new_data_starts_pipelines" {
  description = "Whether a new object below data/training/, data/inference/ or data/labels/ starts its pipeline."
  type        = bool
}

variable "training_schedule" {
  description = "When the training pipeline starts: an EventBridge Scheduler expression, or null for never."
  type        = string
  default     = null

  validation {
    condition = (
      var.training_schedule == null ? true : can(regex("^(cron|rate|at)\\(.{1,250}\\)$", var.training_schedule))
    )
    error_message = "training_schedule must be like cron(0 3 ? * MON *), rate(7 days), at(2030-01-31T03:00:00) or null."
  }
}

variable "inference_schedule" {
  description = "When the inference pipeline starts: an EventBridge Scheduler expression, or null for never."
  type        = string
  default     = null

  validation {
    condition = (
      var.inference_schedule == null ? true : can(regex("^(cron|rate|at)\\(.{1,250}\\)$", var.inference_schedule))
    )
    error_message = "inference_schedule must be like cron(0 5 * * ? *), rate(1 day), at(2030-01-31T05:00:00) or null."
  }
}

variable "schedule_timezone" {
  description = "The time zone of the schedules, for example Europe/Berlin."
  type        = string
  default     = "UTC"
}

variable "reserved_concurrency" {
  description = "The reserved concurrency of a function by its short name, for example {guard-retraining = 1}."
  type        = map(number)
  default     = {}
}

variable "monthly_budget_usd" {
  description = "The project's monthly budget in US dollars; 0 for none."
  type        = number

  validation {
    condition     = var.monthly_budget_usd >= 0
    error_message = "monthly_budget_usd must be 0 (no budget) or more."
  }
}

variable "log_retention_days" {
  description = "How many days logs are kept."
  type        = number
  default     = 365

  validation {
    condition = contains(
      [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653],
      var.log_retention_days
    )
    error_message = "log_retention_days must be a period that CloudWatch supports, for example 30, 90, 365 or 3653."
  }
}

variable "noncurrent_version_days" {
  description = "How many days an overwritten or deleted object can be restored."
  type        = number
  default     = 90
}

variable "executions_expiry_days" {
  description = "How many days results of executions, including registered models, are kept; null to keep them."
  type        = number
  default     = null
}

variable "consumer_account_ids" {
  description = "Other accounts that may read and deploy the registered models."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for account in var.consumer_account_ids : can(regex("^[0-9]{12}$", account))])
    error_message = "consumer_account_ids must be strings of 12 digits."
  }

  # The policy of a bucket may have 20 KB, and that of a model package group about as many.
  validation {
    condition     = length(var.consumer_account_ids) <= 100
    error_message = "consumer_account_ids must be at most 100, because the size of a bucket's policy is limited."
  }
}

variable "use_permissions_boundary" {
  description = "Whether every role has the boundary <project>-<environment>-boundary, which infra/bootstrap creates."
  type        = bool
  default     = true
}

variable "force_destroy" {
  description = "Whether `terraform destroy` may delete buckets that are not empty, with all their objects."
  type        = bool
  default     = false
}
