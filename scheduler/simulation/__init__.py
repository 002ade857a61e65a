"""The production planner on a virtual clock: months of arrivals, forecasts and switches in seconds."""
