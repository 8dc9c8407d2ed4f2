"""What went wrong: a wrong Jacobian, compared with what known mistakes would have made of the right one.

`submatrix.py` a small part of a large Jacobian, `mistakes/` what people get wrong, `repair.py` the edit of a rule that
makes it right, `diagnose.py` which of them it is, `traits.py` what the failing inputs have in common, `explain.py` the
text, `mutants.py` the same mistakes, made on purpose.
"""
