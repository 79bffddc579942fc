"""Every feature of a training in its emitted scripts: alone, and with every other by pairs."""
