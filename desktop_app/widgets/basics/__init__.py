"""Theme, fonts, icons, chips, messages and the small controls of every panel."""
