"""A request -> trials -> processes or a cluster -> records; caches, resumes, shows progress."""
