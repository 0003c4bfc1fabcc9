"""The file: its shape, its mistakes, and how it is found, read and checked."""
