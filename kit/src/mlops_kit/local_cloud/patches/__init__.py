"""Corrections of moto that need moto's own objects: applied while a cloud is open, and undone when it closes."""
