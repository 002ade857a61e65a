"""The shell: loops and timers that load, ask the pure rooms, save and carry out."""
