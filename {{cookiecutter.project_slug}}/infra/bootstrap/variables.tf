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
}

variable "environment_file" {
  description = "The file that describes the environment, if not config/environments/<environment>.yaml."
  type        = string
  default     = null
}

variable "gitlab_project" {
  description = "The GitLab project whose jobs may assume the roles, for example ml/abalone-rings; null without CI."
  type        = string
  default     = null

  validation {
    condition = (
      var.gitlab_project == null
      ? true
      : can(regex("^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)+$", var.gitlab_project))
    )
    error_message = "gitlab_project must be the project's full path in its URL, for example ml/abalone-rings."
  }

  # A role's trust policy may have 2,048 characters.
  validation {
    condition     = var.gitlab_project == null ? true : length(var.gitlab_project) <= 255
    error_message = "gitlab_project must be at most 255 characters long, as in GitLab."
  }
}

variable "gitlab_url" {
  description = "The URL of GitLab, which is the issuer of the tokens and their audience in .gitlab-ci.yml."
  type        = string
  default     = "https://gitlab.com"

  validation {
    condition     = can(regex("^https://[a-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._-]+)*$", var.gitlab_url))
    error_message = "gitlab_url must begin with https:// and not end with a slash, for example https://gitlab.com."
  }

  validation {
    condition     = !can(regex("^https://[^/]+:", var.gitlab_url))
    error_message = <<-EOT
      gitlab_url must not contain a port, because IAM takes no identity provider with one; serve GitLab at the port 443,
      or create the roles without CI (omit gitlab_project).
    EOT
  }

  validation {
    condition     = length(var.gitlab_url) <= 255
    error_message = "gitlab_url must be at most 255 characters long, because IAM takes no longer one."
  }
}

variable "default_branch" {
  description = "The branch whose jobs may change the account. Protect it in GitLab: whoever can push to it can deploy."
  type        = string
  default     = "main"

  validation {
    condition     = can(regex("^[A-Za-z0-9_][A-Za-z0-9_./-]*$", var.default_branch))
    error_message = "default_branch must be the name of one branch, without wildcards, for example main."
  }

  validation {
    condition     = length(var.default_branch) <= 255
    error_message = "default_branch must be at most 255 characters long, as in GitLab."
  }
}

variable "oidc_provider_arn" {
  description = "The account's existing identity provider for gitlab_url, of which it can have one; null to create it."
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
  description = "Whether to create the bucket for states, which only the first environment in an account needs."
  type        = bool
  default     = true
}
