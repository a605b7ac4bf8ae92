"""The command line: one thin file a command, no mathematics, and nothing else imports it."""
