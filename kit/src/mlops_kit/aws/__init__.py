"""A project in an AWS account: environments, deployment, executions, the model registry."""
