"""Everything between a NumPy call and a gradient: the tape, the table and a Tensor; no calculus, model or picture.

above.py what the engine is given from above, public.py what a package shows, modes.py is anything recorded,
callers.py whose line it is, generated.py how generated code shows itself, tracing.py where a recording by `jit` meets
the engine, arrays.py questions about arrays, signatures.py arguments read fast, facts.py what is known of a function
besides its derivative, operation.py what the operation of a node answers, tape.py the graph and its one walk, seen.py
what a node notes for pictures alone, cotangents.py what happens to a cotangent around every rule, rules.py what a
rule is, kinds.py the simple kinds of rule, aliasing.py why nothing that the graph needs changes behind its back,
watchers.py what looks at each operation, recording.py how a call becomes a node, table.py the words with which rows
are written, places.py how elements move, ufuncs.py the options of ufuncs, compiled.py recording written out for one
spelling, dispatch.py NumPy's protocols, views.py where a view lies in what it is a view of, assignment.py x[i] = v,
habits.py what PyTorch calls otherwise, methods.py an ndarray's methods, leaving.py the ways off the tape, tensor.py a
Tensor.
"""
