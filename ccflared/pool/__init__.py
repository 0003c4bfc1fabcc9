"""Which account serves: states, limits and the plan. Pure; time is an argument."""
