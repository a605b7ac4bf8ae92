"""The local web app: thin routes around lens, sampling, tune and distill, and the page's program in static/.

Requests flow in, records as JSON flow out. Read `app.py` first; `guard.py` decides who may ask.
"""
