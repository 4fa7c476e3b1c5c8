"""Who may do what: roles, districts, accounts, second factor, lockout and sessions, for the console and the command line alike."""
