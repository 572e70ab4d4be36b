"""The player's body: looks, idle life, timing taken from the notes, arms and hands."""
