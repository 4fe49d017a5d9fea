# The network that infra/live makes. What is new must be asked for with the project's tags; what exists must carry them.

locals {
  # What an action makes, by its type in an ARN.
  new_in_network = {
    AuthorizeSecurityGroupEgress  = "security-group-rule"
    AuthorizeSecurityGroupIngress = "security-group-rule"
    CreateFlowLogs                = "vpc-flow-log"
    CreateRouteTable              = "route-table"
    CreateSecurityGroup           = "security-group"
    CreateSubnet                  = "subnet"
    CreateVpc                     = "vpc"
    CreateVpcEndpoint             = "vpc-endpoint"
  }

  change_network = concat(
    [
      for action, type in local.new_in_network : {
        Sid       = "New${action}"
        Effect    = "Allow"
        Action    = ["ec2:${action}"]
        Resource  = ["${local.arn.ec2}:${type}/*"]
        Condition = { StringEquals = local.own_request }
      }
    ],
    [
      {
        Sid       = "TagWhatIsNew"
        Effect    = "Allow"
        Action    = ["ec2:CreateTags"]
        Resource  = ["${local.arn.ec2}:*/*"]
        Condition = { StringEquals = merge(local.own_request, { "ec2:CreateAction" = keys(local.new_in_network) }) }
      },
      {
        # A network's default group comes with it, and without tags. AWS has no words for that group: this says any
        # group that nobody has given such tags.
        Sid      = "TagDefaultGroup"
        Effect   = "Allow"
        Action   = ["ec2:CreateTags"]
        Resource = ["${local.arn.ec2}:security-group/*"]
        Condition = {
          StringEquals = local.own_request
          Null         = { for tag in keys(local.own_resource) : tag => "true" }
        }
      },
      {
        Sid    = "Network"
        Effect = "Allow"
        Action = concat(
          [for action in keys(local.new_in_network) : "ec2:${action}" if action != "CreateVpc"],
          [
            "ec2:AssociateRouteTable", "ec2:CreateTags", "ec2:DeleteFlowLogs", "ec2:DeleteRouteTable",
            "ec2:DeleteSecurityGroup", "ec2:DeleteSubnet", "ec2:DeleteTags", "ec2:DeleteVpc", "ec2:DeleteVpcEndpoints",
            "ec2:DisassociateRouteTable", "ec2:ModifySecurityGroupRules", "ec2:ModifySubnetAttribute",
            "ec2:ModifyVpcAttribute", "ec2:ModifyVpcEndpoint", "ec2:RevokeSecurityGroupEgress",
            "ec2:RevokeSecurityGroupIngress",
          ],
        )
        Resource  = ["${local.arn.ec2}:*/*"]
        Condition = { StringEquals = local.own_resource }
      },
    ],
  )
}
