"""The rehearsal: a model's whole life, step by step, on this machine."""
