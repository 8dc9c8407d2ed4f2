"""The zoo: networks that tinygrad_np trains on real data, as recipes. `python -m models --help` says how."""
