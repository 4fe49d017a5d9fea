# What the role may do, by what it does it for.

locals {
  # The steps of the pipelines.
  steps = concat(
    [
      for type, made in local.made : {
        Sid      = join("", [for word in split("-", "make-${type}") : title(word)])
        Effect   = "Allow"
        Action   = [for action in concat(["AddTags"], made.actions) : "sagemaker:${action}"]
        Resource = "${local.sagemaker}:${type}/${made.names}"
      }
    ],
    [
      {
        Sid    = "RegisterModels"
        Effect = "Allow"
        Action = [
          "sagemaker:CreateModelPackage", "sagemaker:DescribeModelPackage", "sagemaker:DescribeModelPackageGroup",
        ]
        Resource = [
          var.model_package_group_arn,
          "${replace(var.model_package_group_arn, ":model-package-group/", ":model-package/")}/*",
        ]
      },
      {
        Sid      = "CallFunctions"
        Effect   = "Allow"
        Action   = "lambda:InvokeFunction"
        Resource = var.function_arns
      },
      {
        Sid       = "HandOnToJobs"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = local.arn
        Condition = { StringEquals = { "iam:PassedToService" = "sagemaker.amazonaws.com" } }
      },
    ],
  )

  # Inputs may lie anywhere in the bucket; results have their place.
  data = [
    {
      Sid      = "FindObjects"
      Effect   = "Allow"
      Action   = ["s3:GetBucketLocation", "s3:ListBucket"]
      Resource = var.bucket_arn
    },
    {
      Sid      = "ReadObjects"
      Effect   = "Allow"
      Action   = "s3:GetObject"
      Resource = "${var.bucket_arn}/*"
    },
    {
      Sid      = "WriteResults"
      Effect   = "Allow"
      Action   = ["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:PutObject"]
      Resource = "${var.bucket_arn}/executions/*"
    },
    {
      Sid      = "EncryptAndDecrypt"
      Effect   = "Allow"
      Action   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"]
      Resource = var.kms_key_arn
    },
    {
      # For the volumes of machines, which EC2 encrypts in SageMaker's name.
      Sid       = "LendKeyToVolumes"
      Effect    = "Allow"
      Action    = "kms:CreateGrant"
      Resource  = var.kms_key_arn
      Condition = { Bool = { "kms:GrantIsForAWSResource" = "true" } }
    },
  ]

  # Jobs in a VPC. Shared subnets belong to the account that shares them, so their ARNs leave the account open; an id is
  # the only one of its kind.
  ec2_of_any_account  = "arn:${var.partition}:ec2:${var.region}:*"
  subnet_arns         = [for id in var.subnets : "${local.ec2_of_any_account}:subnet/${id}"]
  security_group_arns = [for id in var.security_groups : "${local.ec2_of_any_account}:security-group/${id}"]
  interface_arns      = "arn:${var.partition}:ec2:${var.region}:${var.account_id}:network-interface/*"

  network = [
    {
      Sid      = "AttachMachines"
      Effect   = "Allow"
      Action   = "ec2:CreateNetworkInterface"
      Resource = concat(local.subnet_arns, local.security_group_arns, [local.interface_arns])
    },
    {
      # Interfaces have no names: the condition says which are meant.
      Sid    = "DetachMachines"
      Effect = "Allow"
      Action = [
        "ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface", "ec2:DeleteNetworkInterfacePermission",
      ]
      Resource  = local.interface_arns
      Condition = { ArnLike = { "ec2:Subnet" = local.subnet_arns } }
    },
    {
      Sid    = "FindNetwork"
      Effect = "Allow"
      Action = [
        "ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
      ]
      Resource = "*" # EC2 takes no narrower resource for what only looks
    },
  ]

  # SageMaker's own images lie in an account of AWS's, another one in each region.
  own_images = {
    jobs    = "arn:${var.partition}:ecr:${var.region}:*:repository/sagemaker-xgboost"
    monitor = "arn:${var.partition}:ecr:${var.region}:*:repository/sagemaker-model-monitor-analyzer"
  }
  image_parts = {
    for use, uri in var.image_uris :
    use => regex("^(?P<account>[0-9]{12})\\.dkr\\.ecr\\.(?P<region>[a-z0-9-]+)\\.[^/]+/(?P<name>[^:@]+)", uri)
    if uri != null
  }
  repository_arns = merge(local.own_images, {
    for use, image in local.image_parts :
    use => "arn:${var.partition}:ecr:${image.region}:${image.account}:repository/${image.name}"
  })

  # What each machine does before and while it works.
  machine = [
    {
      Sid    = "PullImages"
      Effect = "Allow"
      Action = [
        "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer",
      ]
      Resource = distinct(values(local.repository_arns))
    },
    {
      Sid      = "SignInToImages"
      Effect   = "Allow"
      Action   = "ecr:GetAuthorizationToken"
      Resource = "*" # it is for a whole registry, and ECR takes no resource for it
    },
    {
      # SageMaker's log groups are the account's: every project writes its jobs' logs there.
      Sid    = "WriteLogs"
      Effect = "Allow"
      Action = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
      Resource = [
        for group in sort(distinct(values(local.made)[*].logs)) :
        "arn:${var.partition}:logs:${var.region}:${var.account_id}:log-group:/aws/sagemaker/${group}:*"
      ]
    },
    {
      Sid       = "WriteMetrics"
      Effect    = "Allow"
      Action    = "cloudwatch:PutMetricData"
      Resource  = "*" # metrics have no ARN: the condition says which are meant
      Condition = { StringLike = { "cloudwatch:namespace" = "/aws/sagemaker/*" } }
    },
  ]
}
