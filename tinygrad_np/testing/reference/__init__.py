"""What is true: derivatives of a function along directions, each with an error bar that was measured.

`patience.py` a call that does not come back, `rounding.py` what rounding leaves of any number, `problem.py` a function
of anything as one of a flat vector, `interval.py` what is known of a derivative, `finite_differences.py` the table of
differences, `verdict.py` a claim judged by a reference, `directions.py` a quick look and a careful one, `clarke.py`
where many kinks meet.
"""
