"""Lambda: synchronous and asynchronous invocation."""
