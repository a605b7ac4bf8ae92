"""What other tools wrote: promptfoo's configurations as tasks, and answers made elsewhere as samples.

In: a file's path. Out: a `Task` (promptfoo.py) or `Answers` (records.py). Read promptfoo.py first: it goes through a
configuration from top to bottom. promptfoo_providers.py has the settings and models, promptfoo_prompts.py finds the
prompts, promptfoo_tests.py the tests, and promptfoo_cases.py makes items of both, with the checks of ../checks.py.
Below them javascript.py fills in templates, reading.py loads what a file names, yaml_1_2.py reads YAML, and
obstacles.py takes down what is wrong. retort's own task files are read by ../task.py.
"""
