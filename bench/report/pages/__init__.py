"""Render a document as Markdown, HTML, terminal text, CSV tables and the playground."""
