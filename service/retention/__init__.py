"""How long things stay: what `[retention]` names goes once nothing that is still open needs it; ledger and vectors never go."""
