variable "environment" {
  description = "The environment, one word, whose account config/environments/<environment>.yaml describes."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,11}$", var.environment))
    error_message = "environment must be a word of 2 to 12 lower-case letters and digits, a letter first, like dev."
  }

  validation {
    condition     = !contains(["start", "tfstate"], var.environment)
    error_message = "environment must not be start or tfstate: names would come out that belong to other things."
  }

  validation {
    condition = (
      var.environment_file != null || fileexists("${path.module}/../../config/environments/${var.environment}.yaml")
    )
    error_message = "There is no config/environments/${var.environment}.yaml; copy dev.yaml to add an environment."
  }
}

variable "environment_file" {
  description = "The file that describes the account, where it is not config/environments/<environment>.yaml."
  type        = string
  default     = null

  validation {
    condition     = var.environment_file == null ? true : fileexists(var.environment_file)
    error_message = "environment_file must be a file; a relative path begins in infra/live."
  }
}

variable "create_network" {
  description = "Whether to make a network of its own where the environment's file names no subnets."
  type        = bool
  default     = true
}

variable "network_cidr" {
  description = "The addresses of the network of its own, /16 to /26. Each machine of a job takes one or two."
  type        = string
  default     = "10.42.0.0/22"
}

variable "interface_endpoints" {
  description = <<-EOT
    Further services that the network of its own reaches, for example ["kms"]. The pipelines need none, and each costs
    by the hour.
  EOT
  type        = set(string)
  default     = []
}

variable "notification_emails" {
  description = "Who is told of what happens. AWS sends each address a link first, which has to be followed."
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
  description = <<-EOT
    When the training pipeline starts, an expression of EventBridge Scheduler, for example cron(0 3 ? * MON *); null for
    never.
  EOT
  type        = string
  default     = null

  validation {
    condition = (
      var.training_schedule == null ? true : can(regex("^(cron|rate|at)\\(.+\\)$", var.training_schedule))
    )
    error_message = "training_schedule must be like cron(0 3 ? * MON *), rate(7 days), at(2030-01-31T03:00:00) or null."
  }
}

variable "inference_schedule" {
  description = <<-EOT
    When the inference pipeline starts, an expression of EventBridge Scheduler, for example cron(0 5 * * ? *); null for
    never.
  EOT
  type        = string
  default     = null

  validation {
    condition = (
      var.inference_schedule == null ? true : can(regex("^(cron|rate|at)\\(.+\\)$", var.inference_schedule))
    )
    error_message = "inference_schedule must be like cron(0 5 * * ? *), rate(1 day), at(2030-01-31T05:00:00) or null."
  }
}

variable "schedule_timezone" {
  description = "The time zone in which the schedules are meant, for example Europe/Berlin."
  type        = string
  default     = "UTC"
}

variable "reserved_concurrency" {
  description = <<-EOT
    How many calls of a function may run at once, by its short name, for example {guard-retraining = 1}; one that is not
    named shares what the account has.
  EOT
  type        = map(number)
  default     = {}
}

variable "monthly_budget_usd" {
  description = "What the project may cost a month, in US dollars; 0 for no budget."
  type        = number

  validation {
    condition     = var.monthly_budget_usd >= 0
    error_message = "monthly_budget_usd must be 0, for no budget, or an amount above it."
  }
}

variable "log_retention_days" {
  description = "For how many days logs are kept."
  type        = number
  default     = 365

  validation {
    condition = contains(
      [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653],
      var.log_retention_days
    )
    error_message = <<-EOT
      log_retention_days must be a number that CloudWatch offers: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400,
      545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653.
    EOT
  }
}

variable "noncurrent_version_days" {
  description = "For how many days an object that was overwritten or deleted can be brought back."
  type        = number
  default     = 90
}

variable "executions_expiry_days" {
  description = "For how many days results of executions are kept, registered models among them; null for ever."
  type        = number
  default     = null
}

variable "consumer_account_ids" {
  description = "Other accounts that may look at the registered models and deploy them."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for account in var.consumer_account_ids : can(regex("^[0-9]{12}$", account))])
    error_message = "consumer_account_ids must be of 12 digits each, in quotes."
  }
}

variable "use_permissions_boundary" {
  description = "Whether <project>-<environment>-boundary, which infra/bootstrap makes, limits every role."
  type        = bool
  default     = true
}

variable "force_destroy" {
  description = "Whether `terraform destroy` may delete buckets that hold objects, and every object with them."
  type        = bool
  default     = false
}
