"""What every layer may lean on: paths, logging, crash log, GC guard, stall watchdog.

Imports nothing from the rest of the package. Modules that need Qt are imported by `app` alone.
"""
