"""Export of everything the store holds, and import of what may come in: CSV and Parquet, tidy, in pieces of bounded memory."""
