"""What ccsync remembers between runs, on disk: generations, the journal, plan files, run records and the lock.

Rows are files here and files are bytes: nothing in this room looks inside a Parquet file.
"""
