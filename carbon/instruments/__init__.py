"""Renewable power that is bought or made: certificates, contracts, own plants; scope 2 in two views, and matching by the hour."""
