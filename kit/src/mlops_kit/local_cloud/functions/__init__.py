"""Lambda: packages of the project's functions, and asynchronous invocation."""
