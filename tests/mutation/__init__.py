"""Breaks the library in small ways, one at a time, and asks whether its tests notice.

breaks.py says what a small break is; `python -m tests.mutation engine --count 20` makes some and reports.
"""
