variable "context" {
  description = "What all resources of the environment share: see infra/live/locals.tf."
  type        = object({ name_prefix = string, project = string, region = string })
}

variable "functions" {
  description = "The functions to monitor, by short name."
  type        = map(object({ arn = string, name = string }))
}

variable "queues" {
  description = "The dead-letter queues to monitor, by what they hold: undelivered-events, failed-calls."
  type        = map(object({ arn = string, name = string, url = string }))
}

variable "rule_names" {
  description = "The names of the rules to monitor, by short name."
  type        = map(string)
}

variable "pipeline_names" {
  description = "The name of each kind of pipeline."
  type        = map(string)
}

variable "topic_arn" {
  description = "The topic for alarms and budget notifications."
  type        = string
}

variable "monthly_budget_usd" {
  description = <<-EOT
    The project's monthly budget in US dollars; 0 for none. AWS counts the costs by the tag `project`, once it has been
    activated as a cost allocation tag in the billing console.
  EOT
  type        = number

  validation {
    condition     = var.monthly_budget_usd >= 0
    error_message = "monthly_budget_usd must be 0 (no budget) or more."
  }
}
