"""Records of measurements: schemas, loading, saving and merging, without torch."""
