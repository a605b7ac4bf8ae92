"""What other tools wrote: promptfoo's configurations as tasks, and answers made elsewhere as samples.

In: a file's path. Out: a `Task` (promptfoo.py) or `Answers` (records.py). Read promptfoo.py first: it goes through a
configuration from top to bottom and hands its prompts to promptfoo_prompts.py and its tests to promptfoo_cases.py;
javascript.py fills in templates, reading.py reads YAML and what a file names, and takes down what is wrong. retort's
own task files are read by task.py beside this folder.
"""
