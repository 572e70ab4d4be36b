"""Checks of the chapter `masks`."""
