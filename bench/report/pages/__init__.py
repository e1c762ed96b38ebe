"""A document -> Markdown, HTML, the terminal, CSV tables, the playground."""
