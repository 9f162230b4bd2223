"""How each analysis looks: pure data modules (`*_data`, no Qt) and the Qt views built on them.

May import `widgets`, `jobs`, `session` and `analyses`; never torch, the engine or compute.
"""
