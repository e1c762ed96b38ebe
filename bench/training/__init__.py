"""Model, recipe, seed, device -> history."""
