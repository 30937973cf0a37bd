"""What the labs import: data, simulated faults and streams, the look of the figures."""
