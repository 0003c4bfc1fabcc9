"""What goes on, for those who listen."""
