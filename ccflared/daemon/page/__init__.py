"""The dashboard's door: its files, the sessions of those who look at it, and the addresses that lead there."""
