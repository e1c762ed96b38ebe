"""Worker processes of this machine: trials and probes, and whatever else may crash, hang or change its process."""
