"""Checks of the chapter `welcome`."""
