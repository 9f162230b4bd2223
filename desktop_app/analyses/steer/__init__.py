"""Steering: interventions while text is generated. May not import slices."""
