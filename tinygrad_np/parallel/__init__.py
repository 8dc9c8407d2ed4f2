"""More than one core and more than one machine: what is measured, not assumed.

cores.py shares a loop between two threads where that is quicker; blas.py tells BLAS how many threads to use;
distributed.py trains on the rows of many processes.
"""
