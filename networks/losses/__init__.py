"""How much water a network loses: night flow, monthly real losses, the IWA balance, ranking, pressure what-ifs and targets."""
