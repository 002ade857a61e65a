"""Metered energy and the grid's history become emissions statements, with what would have been otherwise. Pure."""
