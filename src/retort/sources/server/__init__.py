"""Models behind a server: a URL in, texts and the most likely next tokens out.

Read `server.py` first: what can be asked (`Ask`), and the server that is asked. `source.py` is what the verbs see,
`connection.py` the network, `answers.py` the one parser for what comes back, `candidates.py` what a list of tokens
bounds; `probe.py` finds out what a server's numbers are before they are used. `logs.py` reads answers that were saved
elsewhere.
"""
