"""The REST routes: thin functions from a request to the store or the house and back."""
