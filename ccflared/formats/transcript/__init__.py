"""Reads what was said in a request and its answer, for people: of any dialect, cut or broken, and never refused."""
