"""HTTP/2 to clients, over TLS: many requests share a connection, and each is served as one over HTTP/1.1 would be."""
