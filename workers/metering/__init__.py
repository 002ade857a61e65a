"""What a run drew: every figure labelled with how it was come by, and never less than nothing."""
