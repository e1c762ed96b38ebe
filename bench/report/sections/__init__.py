"""One finding per file: its sentence, its picture, its table."""
