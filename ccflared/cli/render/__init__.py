"""What people read: from what the daemon said to lines of text. Everything in here is pure."""
