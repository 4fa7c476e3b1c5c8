"""Plans: from the store to a plan's input, the plan itself, what it says to people and the commands an approval signs."""
