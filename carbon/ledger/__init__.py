"""The append-only ledger: usage in, exact entries out; sealed batches, restatement, two times, proof.

Amounts and masses are integers and ratios fractions; no float takes part. Import what you need from its modules.
"""
