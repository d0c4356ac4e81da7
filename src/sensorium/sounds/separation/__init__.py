"""Separation of whole files."""
