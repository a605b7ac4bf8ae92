"""What other tools wrote: promptfoo's configurations as tasks, and answers made elsewhere as samples.

In: a file's path. Out: a `Task` (promptfoo.py) or `Answers` (records.py). Read promptfoo.py first: it goes through a
configuration from top to bottom and hands prompts and tests to the files that are named after them; nunjucks.py fills
in templates, yaml12.py reads YAML as JavaScript does. retort's own task files are read by task.py beside this folder.
"""
