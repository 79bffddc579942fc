"""The Model Context Protocol server of `nnspec mcp`: an assistant's calls go in, answers go out.

`server` names the tools; each call runs in a process of its own, `work`, that `child` ends in time.
"""
