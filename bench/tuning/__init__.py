"""Models -> a recipe of its own for each, by random search on held-out training images."""
