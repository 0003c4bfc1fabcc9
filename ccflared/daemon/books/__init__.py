"""The history and what is kept beside it: written, read, tidied up."""
