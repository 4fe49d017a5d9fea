"""Running a pipeline definition on this machine."""
