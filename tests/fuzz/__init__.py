"""Random specs, and a runner that compiles and verifies thousands of them."""
