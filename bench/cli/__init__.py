"""The command line: the arguments typed -> text and an exit code; one file per command."""
