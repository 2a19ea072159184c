"""Landing: what sources delivered, kept as received, encrypted, never changed."""
