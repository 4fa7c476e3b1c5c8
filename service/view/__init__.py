"""Read-models: what a person looks at, joined from the tables. They read, decide nothing and write nothing; the console asks only these."""
