"""What must hold of every derivative, as one small check each.

`user_code.py` whose line raised, `probes.py` and `compare.py` a Jacobian against the reference, `identities.py`
linearity and the adjoint, `second_order.py` the gradient's gradient, `precision.py` narrower dtypes, `case.py` a call,
run as often as a check likes, `side_effects.py` memory, chance and layouts, `sweep.py` inputs that chance seldom
draws, `checks.py` all of them, in order.
"""
