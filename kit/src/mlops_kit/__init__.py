"""The machinery of SageMaker projects: definitions, checks, deployment, and a local cloud that runs them.

Importing it changes nothing in the process. A project is opened explicitly: see `mlops_kit.project`.
"""

__version__ = "0.6.0"
