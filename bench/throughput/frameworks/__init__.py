"""The same training by the article's own loop and in other frameworks, one file each, each in a process of its own."""
