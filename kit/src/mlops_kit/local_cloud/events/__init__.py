"""EventBridge: the bus, the targets of its rules, and queues."""
