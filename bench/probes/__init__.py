"""A trained model -> named numbers."""
