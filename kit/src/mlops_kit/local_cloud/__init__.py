"""AWS's API on this machine: moto, and the handlers and patches that make pipelines really run."""
