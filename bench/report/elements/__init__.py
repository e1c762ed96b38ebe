"""Building blocks of sections: blocks, formatted values, styles, probe results."""
