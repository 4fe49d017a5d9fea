"""The pipelines' definitions, one module each, and what they share: parts.py and settings.py."""
