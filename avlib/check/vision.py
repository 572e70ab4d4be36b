"""Checks of the chapter `vision`."""
