"""A project's data: the sample, a team's own file, and the contract proposed for it."""
