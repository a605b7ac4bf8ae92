"""The local web app: thin routes around lens, sampling, tune and distill, and the page's program in static/."""
