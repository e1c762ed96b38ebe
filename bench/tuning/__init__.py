"""Find each model's own recipe by random search, on training images held out; no test image is loaded."""
