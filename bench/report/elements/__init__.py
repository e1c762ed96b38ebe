"""What sections are made of: blocks, formatted values, styles, the answers of probes."""
