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
}

variable "environment_file" {
  description = "The file that describes the environment, if not config/environments/<environment>.yaml."
  type        = string
  default     = null
}

variable "gitlab_project" {
  description = "The project in GitLab whose jobs may take the roles, for example ml/abalone-rings; null for no CI."
  type        = string
  default     = null

  validation {
    condition = (
      var.gitlab_project == null
      ? true
      : can(regex("^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)+$", var.gitlab_project))
    )
    error_message = <<-EOT
      gitlab_project must be the full path group/project, as it stands in the project's address, for example
      ml/abalone-rings.
    EOT
  }
}

variable "gitlab_url" {
  description = "Where GitLab is. It issues the tokens, and is their audience in .gitlab-ci.yml, too."
  type        = string
  default     = "https://gitlab.com"

  validation {
    condition     = can(regex("^https://[a-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._-]+)*$", var.gitlab_url))
    error_message = "gitlab_url must begin with https:// and not end with a slash, for example https://gitlab.com."
  }
}

variable "default_branch" {
  description = "The branch whose jobs may change the account. Protect it in GitLab: who may push to it, may deploy."
  type        = string
  default     = "main"

  validation {
    condition     = can(regex("^[A-Za-z0-9_][A-Za-z0-9_./-]*$", var.default_branch))
    error_message = "default_branch must be the name of one branch, without wildcards, for example main."
  }
}

variable "oidc_provider_arn" {
  description = <<-EOT
    The account's identity provider for gitlab_url, where it has one already: an account takes only one for each
    address. Null to make it.
  EOT
  type        = string
  default     = null

  validation {
    condition = (
      var.oidc_provider_arn == null
      ? true
      : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:oidc-provider/.+$", var.oidc_provider_arn))
    )
    error_message = "oidc_provider_arn must be like arn:aws:iam::123456789012:oidc-provider/gitlab.com, or null."
  }
}

variable "create_state_bucket" {
  description = "Whether to make the bucket for states, which the first of a project's environments in an account does."
  type        = bool
  default     = true
}
