"""The job library: what the scripts in a project's jobs/ share.

It imports only what the SageMaker XGBoost image holds. `mlops deploy` uploads the installed version beside the scripts,
since an isolated container cannot install packages.
"""
