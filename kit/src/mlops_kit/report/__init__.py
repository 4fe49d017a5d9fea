"""The report page; build.py puts its parts together."""
