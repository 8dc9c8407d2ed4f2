"""What is drawn: arguments of an operation, from its row of the table, its signature, or by trying.

`source_text.py` values as source text, `layouts.py` how numbers lie in memory, `values.py` numbers, arrays and
tensors, `kinks.py` away from where a function is not smooth, `thresholds.py` where an operation changes its mind,
`special.py` what chance seldom draws, `discover.py` how an operation may be called, `op_inputs.py` its arguments.
"""
