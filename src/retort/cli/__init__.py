"""The command line: options flow in, the verb's function is called, and its record is printed.

One thin file per command, without mathematics; nothing else imports this folder. Read `main.py` first, then `look.py`.
"""
