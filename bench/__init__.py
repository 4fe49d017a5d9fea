"""What generating a project and running its jobs costs, beside the usual way and beside the floor. `make bench`."""
