"""The command line: options flow in, the verb's function is called, and its record is printed.

A file holds the verbs of one family, without mathematics (`main.py` lists which); nothing else imports this folder. A
command hands its options on by name, and returns the record. Read `main.py` first, then `look.py`; what the commands
share is in `options.py` and `asking.py` on the way in, and in `exporting.py` and `output.py` on the way out.
"""
