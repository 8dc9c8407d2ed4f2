"""Modules that are commands: `python -m tinygrad_np.NAME` finds them here; migrate.py is one."""
