"""When distillation helps, measured: `python -m benchmarks.evidence NAME`; docs/when-distillation-helps.md tells it.

- `markov`: a source whose true distribution is known, against theory
- `digits`: small networks, little data, noisy labels, and a class that the student never sees
- `topk-bias`: what a student learns from the teacher's top k alone, and the repair
- `language-models`: the models that come with retort, one setting at a time
- `figures`: the four figures and the page's table of cells, from the results that are there

Results go to benchmarks/results/evidence/, one JSON file each, those that speak against distilling included.
"""
