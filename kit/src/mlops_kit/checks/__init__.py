"""The rules that `pipelines.check` holds a definition against, one module for each kind of fault."""
