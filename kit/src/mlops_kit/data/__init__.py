"""A project's data: the sample, the drifted sample, and the import of a team's own file."""
