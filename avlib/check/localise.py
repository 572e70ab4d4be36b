"""Checks of the chapter `localise`."""
