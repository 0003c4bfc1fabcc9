"""What the completions of shells are drawn from, and how each shell writes it."""
