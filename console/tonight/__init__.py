"""The Tonight page: the plan, why it is so, and what people decide about it."""
