variable "stem" {
  description = "The start of every name, project-environment, for example abalone-rings-dev."
  type        = string
}

variable "region" {
  description = "The AWS region whose metrics the dashboard shows, for example eu-west-1."
  type        = string
}

variable "project" {
  description = "The value of the tag `project`, whose costs the budget counts."
  type        = string
}

variable "functions" {
  description = "The functions that are watched, by short name."
  type        = map(object({ arn = string, name = string }))
}

variable "queues" {
  description = "The dead-letter queues that are watched, by what they hold: undelivered-events, failed-calls."
  type        = map(object({ arn = string, name = string, url = string }))
}

variable "rule_names" {
  description = "The names of the rules that are watched, by short name."
  type        = map(string)
}

variable "pipeline_names" {
  description = "The name of the pipeline of each kind."
  type        = map(string)
}

variable "topic_arn" {
  description = "The topic that alarms and the budget publish to."
  type        = string
}

variable "monthly_budget_usd" {
  description = <<-EOT
    What the project may cost a month, in US dollars; 0 for no budget. AWS counts by the tag `project`, once somebody
    with access to billing has activated it as a cost allocation tag.
  EOT
  type        = number

  validation {
    condition     = var.monthly_budget_usd >= 0
    error_message = "monthly_budget_usd must be 0, for no budget, or an amount above it."
  }
}
