"""A model by its name -> built from a seed, its code read, its answers checked, its weights stored."""
