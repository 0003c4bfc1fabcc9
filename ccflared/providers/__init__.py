"""How one kind of upstream is addressed and understood: prepare and observe, never send."""
