"""EventBridge: the bus, its rules' targets, and the queues between them."""
