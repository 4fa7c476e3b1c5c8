"""Statements out of the store: what they are made of, which kinds a city has, and where a number comes from."""
