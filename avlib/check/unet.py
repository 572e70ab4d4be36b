"""Checks of the chapter `unet`."""
