"""A name -> verified uint8 arrays, clean or corrupted."""
