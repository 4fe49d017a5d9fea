"""The rules that `mlops check` applies to a definition, one module for each kind of fault."""
