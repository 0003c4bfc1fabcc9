"""What is worth telling somebody, and how they are told."""
