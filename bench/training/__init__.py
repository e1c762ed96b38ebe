"""Training of a model by a recipe, from a seed, on a device."""
