"""The rehearsal: the lifecycle of a model, step by step, on this machine."""
