"""The wire: one request, one reply that is right in every field, or the reason why there is none."""
