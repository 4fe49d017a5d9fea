# The statements of the role's policies, by Sid. All of them allow.

locals {
  # The steps of the pipelines.
  steps = merge(
    {
      for type, created in local.created :
      join("", [for word in split("-", "make-${type}") : title(word)]) => {
        Action   = [for action in concat(["AddTags"], created.actions) : "sagemaker:${action}"]
        Resource = "${local.sagemaker}:${type}/${created.names}"
      }
    },
    {
      RegisterModels = {
        Action = [
          "sagemaker:CreateModelPackage", "sagemaker:DescribeModelPackage", "sagemaker:DescribeModelPackageGroup",
        ]
        Resource = [
          var.model_package_group_arn,
          "${replace(var.model_package_group_arn, ":model-package-group/", ":model-package/")}/*",
        ]
      }
      InvokeFunctions = {
        Action   = "lambda:InvokeFunction"
        Resource = var.function_arns
      }
      PassRoleToJobs = {
        Action    = "iam:PassRole"
        Resource  = local.arn
        Condition = { StringEquals = { "iam:PassedToService" = "sagemaker.amazonaws.com" } }
      }
    },
  )

  # Inputs may be anywhere in the bucket; results are written below executions/ only.
  data = {
    FindObjects = {
      Action   = ["s3:GetBucketLocation", "s3:ListBucket"]
      Resource = var.bucket_arn
    }
    ReadObjects = {
      Action   = "s3:GetObject"
      Resource = "${var.bucket_arn}/*"
    }
    WriteResults = {
      Action   = ["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:PutObject"]
      Resource = "${var.bucket_arn}/executions/*"
    }
    EncryptAndDecrypt = {
      Action   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"]
      Resource = var.kms_key_arn
    }
    # EC2 encrypts the instances' volumes on behalf of SageMaker.
    GrantKeyToVolumes = {
      Action    = "kms:CreateGrant"
      Resource  = var.kms_key_arn
      Condition = { Bool = { "kms:GrantIsForAWSResource" = "true" } }
    }
  }

  # Jobs in a VPC. A shared subnet belongs to the account that shares it, so these ARNs match any account; an id is
  # unique.
  ec2_of_any_account  = "arn:${local.partition}:ec2:${local.region}:*"
  subnet_arns         = [for id in var.subnets : "${local.ec2_of_any_account}:subnet/${id}"]
  security_group_arns = [for id in var.security_groups : "${local.ec2_of_any_account}:security-group/${id}"]
  interface_arns      = "arn:${local.partition}:ec2:${local.region}:${local.account}:network-interface/*"

  network = {
    AttachInstances = {
      Action   = "ec2:CreateNetworkInterface"
      Resource = concat(local.subnet_arns, local.security_group_arns, [local.interface_arns])
    }
    # Interfaces have generated ids, so the condition restricts them to the subnets.
    DetachInstances = {
      Action = [
        "ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface", "ec2:DeleteNetworkInterfacePermission",
      ]
      Resource  = local.interface_arns
      Condition = { ArnLike = { "ec2:Subnet" = local.subnet_arns } }
    }
    FindNetwork = {
      Action = [
        "ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
      ]
      Resource = "*" # EC2 has no resource-level permissions for Describe actions
    }
  }

  # SageMaker's own images are in accounts of AWS, which differ by region.
  xgboost_image = "arn:${local.partition}:ecr:${local.region}:*:repository/sagemaker-xgboost"
  own_images = {
    processing = local.xgboost_image
    training   = local.xgboost_image
    serving    = local.xgboost_image
    monitor    = "arn:${local.partition}:ecr:${local.region}:*:repository/sagemaker-model-monitor-analyzer"
  }
  image_parts = {
    for use, uri in var.image_uris :
    use => regex("^(?P<account>[0-9]{12})\\.dkr\\.ecr\\.(?P<region>[a-z0-9-]+)\\.[^/]+/(?P<name>[^:@]+)", uri)
    if uri != null
  }
  repository_arns = merge(local.own_images, {
    for use, image in local.image_parts :
    use => "arn:${local.partition}:ecr:${image.region}:${image.account}:repository/${image.name}"
  })

  # What every instance does before and during a job.
  machine = {
    PullImages = {
      Action = [
        "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer",
      ]
      Resource = distinct(values(local.repository_arns))
    }
    SignInToImages = {
      Action   = "ecr:GetAuthorizationToken"
      Resource = "*" # the token is for the registry; ECR has no resource-level permission for it
    }
    # SageMaker's log groups are shared by all projects of the account.
    WriteLogs = {
      Action = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
      Resource = [
        for group in sort(distinct(values(local.created)[*].logs)) :
        "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:/aws/sagemaker/${group}:*"
      ]
    }
    WriteMetrics = {
      Action    = "cloudwatch:PutMetricData"
      Resource  = "*" # metrics have no ARN; the condition restricts the namespace
      Condition = { StringLike = { "cloudwatch:namespace" = "/aws/sagemaker/*" } }
    }
  }
}
