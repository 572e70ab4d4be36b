"""Checks of the chapter `sound`."""
