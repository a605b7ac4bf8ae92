"""Readers of task files and answers that other tools wrote."""
