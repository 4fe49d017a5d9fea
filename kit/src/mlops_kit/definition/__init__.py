"""Pipeline definitions: steps, the compiler, the one parser, binding and comparison."""
