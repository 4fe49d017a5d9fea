"""The parts of the report page; local/report.py puts them together."""
