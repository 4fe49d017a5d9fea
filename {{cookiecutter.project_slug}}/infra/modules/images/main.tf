# The repository of the jobs' own image. A tag never moves, and the image's definition in images/ is scanned by ECR, too.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 5.100" }
  }
}

locals {
  arn = join(":", [
    "arn:${var.context.partition}:ecr:${var.context.region}:${var.context.account_id}",
    "repository/${var.context.name_prefix}",
  ])

  # Images are kept by the commits that built them. The newest stay, because registered models name theirs by digest.
  expiry = [
    {
      rulePriority = 1
      description  = "Uploads that no tag names are left over."
      selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 14 }
      action       = { type = "expire" }
    },
    {
      rulePriority = 2
      description  = "Old images."
      selection = {
        tagStatus      = "tagged"
        tagPatternList = ["*"]
        countType      = "imageCountMoreThan"
        countNumber    = var.kept_images
      }
      action = { type = "expire" }
    },
  ]
}

resource "aws_ecr_repository" "this" {
  name                 = var.context.name_prefix
  image_tag_mutability = "IMMUTABLE"
  force_delete         = var.force_destroy

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = var.kms_key_arn
  }
}

resource "aws_ecr_lifecycle_policy" "this" {
  repository = aws_ecr_repository.this.name
  policy     = jsonencode({ rules = local.expiry })
}

# Accounts that deploy the models run them in this image.
resource "aws_ecr_repository_policy" "this" {
  count = length(var.consumer_account_ids) == 0 ? 0 : 1

  repository = aws_ecr_repository.this.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "ConsumersPullImages"
        Effect = "Allow"
        Principal = {
          AWS = [for account in sort(var.consumer_account_ids) : "arn:${var.context.partition}:iam::${account}:root"]
        }
        Action = [
          "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer",
        ]
      },
    ]
  })
}

output "repository" {
  description = "The repository: url, arn."
  value       = { url = aws_ecr_repository.this.repository_url, arn = local.arn }
}
