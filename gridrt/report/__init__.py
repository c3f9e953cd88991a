"""What GridRT shows of its findings: pictures, videos, JSON."""
