"""Each change that a page of a project's docs/ shows can be made as shown, and the project works with it."""
