"""The command line, `mlops`. Each command imports what it needs when it runs: the SDK alone takes seconds."""
