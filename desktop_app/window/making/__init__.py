"""Making prompts of a family, and putting its reference set into forms; made when asked for."""
