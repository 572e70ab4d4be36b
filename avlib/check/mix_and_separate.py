"""Checks of the chapter `mix-and-separate`."""
