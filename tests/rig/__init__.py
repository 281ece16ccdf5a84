"""The rig: everything that runs the real switch with real clients, from the standard library alone."""
