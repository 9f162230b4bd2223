"""What this program is: versions, licences, folders, what is new, and pairs known to be wrong."""
