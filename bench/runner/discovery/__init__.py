"""What was named -> where the models come from: the folder ``models``, a file, an installed package, a notebook's cell.

Files are imported in processes of their own alone, so one that fails, hangs or ends its process costs only itself.
"""
