"""Any file people have becomes images and labels: told by its bytes, read within bounds, refused by file and line.

Reading order: places.py (which file is meant, and which lie beside it), unpack.py (its bytes, however packed), table.py
(what every format is read to); then a format a file: idx_file.py, arrays.py (NumPy's), pictures.py, parquet_file.py,
and for CSV text.py (encodings and line ends), layout.py (what the first lines tell), columns.py (which column is the
label), digits.py (whole numbers, fast), csv_file.py; at last read.py, which chooses among them.
"""
