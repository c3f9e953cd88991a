"""Are two model files the same detector, and if not, at which stage do they first differ?"""
