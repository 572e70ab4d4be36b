"""Checks of the chapter `correspondence`."""
