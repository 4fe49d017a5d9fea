"""What can be put right in moto's own objects only: done when a cloud opens, and undone when it closes."""
