"""The operations of the detector in plain torch: obvious, and what every other form is tested against."""
