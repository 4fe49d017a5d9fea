# Each name and value is held to the strictest of the services that it reaches, before anything is created.

variable "project" {
  description = "The project, `project` of config/pipelines.yaml."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.project))
    error_message = "config/pipelines.yaml: project must be lower-case words joined by hyphens."
  }

  # EventBridge is the strictest: a rule's name may have 64 characters, and `data-quality-violation` is one of its words.
  validation {
    condition     = length("${var.project}-${var.environment}") <= 64 - length("-data-quality-violation")
    error_message = <<-EOT
      <project>-<environment> must be at most 41 characters long, because a rule's name may have 64; shorten project in
      config/pipelines.yaml, or the environment.
    EOT
  }
}

variable "environment" {
  description = "The environment, one word."
  type        = string
}

variable "region" {
  description = "The AWS region, `region` of the environment's file."
  type        = string

  validation {
    condition = can(regex(
      "^(eusc-)?[a-z]{2}(-gov|-iso[a-z]?)?-((north|south)(east|west)?|east|west|central)-[1-9]$", var.region
    ))
    error_message = "config/environments/: region must be an AWS region, for example eu-west-1."
  }
}

variable "tags" {
  description = "The team's own tags, `tags` of config/pipelines.yaml."
  type        = map(string)

  validation {
    condition     = alltrue([for key in keys(var.tags) : can(regex("^[\\p{L}\\p{N}_ .:/=+@-]{1,128}$", key))])
    error_message = <<-EOT
      config/pipelines.yaml: tags: a key must be 1 to 128 letters, digits, spaces and _ . : / = + @ -
    EOT
  }
  validation {
    condition     = alltrue([for value in values(var.tags) : can(regex("^[\\p{L}\\p{N}_ .:/=+@-]{1,256}$", value))])
    error_message = <<-EOT
      config/pipelines.yaml: tags: a value must be 1 to 256 letters, digits, spaces and _ . : / = + @ -
    EOT
  }
  validation {
    condition     = !anytrue([for key in keys(var.tags) : startswith(lower(key), "aws:")])
    error_message = "config/pipelines.yaml: tags: a key must not begin with aws:, which AWS keeps for its own tags."
  }
  validation {
    condition     = length(distinct([for key in keys(var.tags) : lower(key)])) == length(var.tags)
    error_message = <<-EOT
      config/pipelines.yaml: tags: two keys differ only in upper and lower case, which IAM does not distinguish.
    EOT
  }
  validation {
    condition = length(setintersection(
      [for key in keys(var.tags) : lower(key)], ["project", "environment", "managed-by", "pipeline"]
    )) == 0
    error_message = <<-EOT
      config/pipelines.yaml: tags: the project sets the tags project, environment, managed-by and pipeline itself, and
      IAM does not distinguish upper and lower case in keys; remove yours, or give it another name.
    EOT
  }
  validation {
    condition     = length(var.tags) <= 45
    error_message = "config/pipelines.yaml: tags: at most 45, because AWS takes 50 and the project adds its own."
  }
}
