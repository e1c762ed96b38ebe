"""What was typed -> an exit code and text; one file per command."""
