"""Is it still the same detector, and if not, at which stage do two artefacts first differ?"""
