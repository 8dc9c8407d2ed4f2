"""Two cores for a loop, and how many threads BLAS gets meanwhile: both are measured, not assumed.

cores.py shares a loop between two threads where that is quicker; blas.py tells BLAS how many threads to use.
"""
