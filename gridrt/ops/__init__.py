"""The operations of the detector in plain torch: the definitions that every faster form is tested against."""
