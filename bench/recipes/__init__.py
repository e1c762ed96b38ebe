"""How models are trained, as data: TOML files, any optimizer of torch, schedules."""
